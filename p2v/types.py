"""The contracts between the parts; read this first.

A `Reader` gives a disk's bytes. A `BlockMap` says which of them are in use. An `ImageWriter` turns a map into the pieces of
an image file, in the order of the file, without reading a byte of the disk. `copy` joins them: it fills the pieces from the
Reader and hands them to a `Sink`. All offsets and lengths are in bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Reader(Protocol):
    """The bytes of a disk, a partition or a volume; never written."""

    @property
    def name(self) -> str:
        """As the user knows it, for messages: `/dev/sda`."""

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`: fewer at the end, none beyond it. Raises OSError when the medium fails."""

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill `buffer` with the bytes at `offset`. Raises OSError when the medium fails or the bytes do not exist."""


class DiskReader(Reader, Protocol):
    """A whole disk of which an image is made."""

    @property
    def shown(self) -> str:
        """The path that other programs read the same bytes from."""

    @property
    def mounted(self) -> Sequence[str]:
        """Where it is mounted for writing all the same."""

    def holes(self) -> "Extents":
        """Runs that read as zeros without being read."""

    def expect(self, offset: int, length: int) -> None:
        """These bytes will be read soon: the medium may begin."""


class Extent(NamedTuple):
    """A run of bytes."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.length


Extents = tuple[Extent, ...]


@dataclass(frozen=True)
class BlockMap:
    """Which bytes of a disk have to be copied: `used` is sorted, does not overlap and does not touch."""

    size_bytes: int
    used: Extents

    @property
    def used_bytes(self) -> int:
        """How many bytes that is."""
        return sum(extent.length for extent in self.used)


@dataclass(frozen=True)
class Encryption:
    """How the data of a volume is encrypted: dm-crypt's terms. `length` is None where it goes to the end of the volume.

    Sectors are numbered in 512 bytes from `first_sector` on, whatever `sector_bytes` are encrypted at once.
    """

    cipher: str  # `aes-xts-plain64`
    offset: int
    length: int | None = None
    sector_bytes: int = 512
    first_sector: int = 0
    machine_only: bool = False  # every key is kept by the machine's TPM or a token


@dataclass(frozen=True)
class Literal:
    """Bytes of the image that do not come from a disk: headers and tables."""

    data: bytes


@dataclass(frozen=True)
class DiskData:
    """Bytes of a disk as they are; `disk` counts the disks of the image from 0."""

    disk: int
    offset: int
    length: int


@dataclass(frozen=True)
class Hole:
    """Zeros that need not be written where the sink begins as zeros."""

    length: int


@dataclass(frozen=True)
class Coded:
    """Bytes of a disk that take another form in the image, such as a compressed one.

    `code` is pure and may run in any thread. `coded_length` is None where it cannot be known beforehand; then `placed` is told,
    in the order of the image, where the bytes went.
    """

    disk: int
    offset: int
    length: int
    code: Callable[[memoryview], bytes]
    coded_length: int | None
    placed: Callable[[int, bytes], None] | None = None


@dataclass(frozen=True)
class Late:
    """Bytes that can be told only when all before them are in place: a table of positions, a digest of what went before."""

    make: Callable[[], bytes]
    length: int | None


@dataclass(frozen=True)
class Patch:
    """The last piece of an image that can only be written where one can go back: bytes for places that were left as holes."""

    make: Callable[[], list[tuple[int, bytes]]]


Piece = Literal | DiskData | Hole | Coded | Late | Patch


class ImageWriter(Protocol):
    """One image format laid out for given disks. Pure: the same input gives the same pieces, so that a resumed copy agrees."""

    @property
    def length_bytes(self) -> int | None:
        """The exact length of the image; None only where compression decides it."""

    def pieces(self) -> Iterator[Piece]:
        """The image from its first byte to its last, without a gap."""


class Sink(Protocol):
    """Where an image goes."""

    @property
    def any_order(self) -> bool:
        """Whether it takes bytes in any order and from several threads at once."""

    @property
    def name(self) -> str:
        """As the user knows it, for messages."""

    def write(self, offset: int, data: memoryview) -> None:
        """Take these bytes. Offsets only grow, but for a Patch, unless `any_order` is set. Raises Error."""

    def skip(self, offset: int, length: int) -> None:
        """Nothing in use: a hole where the sink can have one, zeros where bytes must follow each other."""

    def zero(self, offset: int, length: int) -> None:
        """Zeros that belong to the image: a hole where that reads as zeros, written elsewhere."""

    def read(self, offset: int, length: int) -> bytes:
        """What was written before; never asked of a pipe."""

    def sync(self) -> None:
        """Return when all that was written survives a power cut."""

    def finish(self, length: int) -> None:
        """The image is complete and this long."""

    def close(self) -> None:
        """Let go of the sink, complete or not."""
