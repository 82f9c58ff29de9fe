"""OVA (DMTF DSP0243, "Open Virtualization Format" 1.1): a tar of a description and the disks as streamOptimized VMDK.

They are stored, not compressed, so that the description can say how long they are before the first of their bytes is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..types import Late, Literal, Piece
from ..vm.model import VirtualMachine
from ..vm.ovf import OvfDisk, ovf
from . import tar
from .model import Disk, Identity
from .vmdk import Vmdk


class Ova:
    """The exact length is known beforehand."""

    def __init__(self, disks: Sequence[Disk], vm: VirtualMachine, identity: Identity) -> None:
        self._vm, self._identity = vm, identity
        self._disks = [replace(disk, name=f"disk{number}") for number, disk in enumerate(disks, 1)]
        self._images = [Vmdk(disk, identity, disk_number=number) for number, disk in enumerate(self._disks)]

    @property
    def length_bytes(self) -> int:
        """See ImageWriter."""
        return sum(_length(piece) for piece in self._frame()) + sum(self._lengths())

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        frame = self._frame()
        yield next(frame)
        for image in self._images:
            yield next(frame)
            yield from image.pieces()
            # A VMDK is whole sectors, which are tar's blocks.
        yield next(frame)

    def _lengths(self) -> list[int]:
        return [image.length_bytes or 0 for image in self._images]

    def _frame(self) -> Iterator[Piece]:
        time = self._identity.time
        yield tar.member("machine.ovf", self._description().encode(), time)
        for disk, length in zip(self._disks, self._lengths(), strict=True):
            yield Literal(tar.header(f"{disk.name}.vmdk", length, time))
        yield tar.END

    def _description(self) -> str:
        found = zip(self._disks, self._lengths(), strict=True)
        return ovf(
            self._vm,
            [OvfDisk(disk.name, length, disk.block_map.size_bytes, disk.block_map.used_bytes) for disk, length in found],
        )


def _length(piece: Piece) -> int:
    return len(piece.data) if isinstance(piece, Literal) else (piece.length or 0) if isinstance(piece, Late) else 0
