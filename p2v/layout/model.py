"""What is found on a disk, as values."""

from dataclasses import dataclass, field
from enum import StrEnum

from ..types import Extent


class Kind(StrEnum):
    """What begins at the first byte of a volume."""

    EXT = "ext"
    XFS = "xfs"
    BTRFS = "btrfs"
    NTFS = "ntfs"
    FAT = "fat"
    EXFAT = "exfat"
    F2FS = "f2fs"
    HFSPLUS = "hfsplus"
    SWAP = "swap"
    LVM = "lvm"
    MD = "md"
    LUKS = "luks"
    BITLOCKER = "bitlocker"
    OTHER = "other"  # known by name, and copied whole
    UNKNOWN = "unknown"


class Damaged(Exception):
    """A structure contradicts itself; the text says which and how. Never leaves this package."""


@dataclass(frozen=True)
class Content:
    """What a volume holds. `size_bytes` and `used_bytes` are its own word; `whole_because` says why no map can be trusted."""

    kind: Kind
    title: str = ""  # `ext4`, `LUKS2`, `RAID1 member`
    label: str = ""
    uuid: str = ""
    size_bytes: int | None = None
    used_bytes: int | None = None
    whole_because: str = ""
    kept_by: tuple[str, ...] = ()  # who keeps its keys besides people, in words: see `keepers`
    kept_only: bool = False  # and nobody else has one
    devices: int = 1  # that the file system spans


@dataclass(frozen=True)
class Volume:
    """A partition, a logical volume or the data of a RAID member: the disk's `segments` one after the other."""

    name: str
    segments: tuple[Extent, ...]
    content: Content
    role: str = ""  # what the table says it is for: `EFI system`
    inner: tuple["Volume", ...] = ()
    free: tuple[Extent, ...] = ()  # of the disk: bytes that a volume manager says belong to nobody

    @property
    def size_bytes(self) -> int:
        """The size of the volume itself."""
        return sum(segment.length for segment in self.segments)


@dataclass(frozen=True)
class Layout:
    """A disk: its partition table and its volumes, in the order of the disk. `remarks` is what the user should know of it."""

    table: str  # `gpt`, `mbr`, `none`
    size_bytes: int
    volumes: tuple[Volume, ...] = ()
    remarks: tuple[str, ...] = field(default=())
