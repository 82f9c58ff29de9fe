"""OVA (DMTF DSP0243, "Open Virtualization Format" 1.1): a tar of a description, the disks as streamOptimized VMDK, a manifest.

The disks are stored, not compressed, so that the description can say how long they are before the first of their bytes is read.
The manifest is the last member, where the standard allows it, too: a stream has read all only then. Its digests are SHA-1, since
1.1 and the hosts of its time know no other; against tampering there is p2v's own journal.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from ..types import Coded, Late, Literal, Piece
from ..vm.model import VirtualMachine
from ..vm.ovf import OvfDisk, ovf
from . import tar
from .model import Disk, Identity
from .vmdk import Vmdk


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes, /) -> None:
        """More bytes."""

    def hexdigest(self) -> str:
        """The digest of all so far."""


class Ova:
    """The exact length is known beforehand."""

    def __init__(self, disks: Sequence[Disk], vm: VirtualMachine, identity: Identity) -> None:
        self._vm, self._identity = vm, identity
        self._disks = [replace(disk, name=f"disk{number}") for number, disk in enumerate(disks, 1)]
        self._images = [Vmdk(disk, identity, disk_number=number) for number, disk in enumerate(self._disks)]

    @property
    def length_bytes(self) -> int:
        """See ImageWriter."""
        members = [_DESCRIPTION_NAME, *(f"{disk.name}.vmdk" for disk in self._disks)]
        manifest = _manifest({name: hashlib.sha1(usedforsecurity=False) for name in members}, self._identity.time)
        headers = len(self._disks) * tar.BLOCK
        return len(self._described()) + headers + sum(self._lengths()) + len(manifest) + len(tar.END.data)

    def pieces(self) -> Iterator[Piece]:
        """See ImageWriter."""
        time = self._identity.time
        yield Literal(self._described())
        digests: dict[str, Digest] = {_DESCRIPTION_NAME: hashlib.sha1(self._description().encode(), usedforsecurity=False)}
        for disk, image, length in zip(self._disks, self._images, self._lengths(), strict=True):
            name = f"{disk.name}.vmdk"
            yield Literal(tar.header(name, length, time))
            digests[name] = hashlib.sha1(usedforsecurity=False)
            for piece in image.pieces():
                yield _digested(piece, digests[name])
            # A VMDK is whole sectors, which are tar's blocks.
        length = self.length_bytes - sum(self._lengths()) - len(self._described()) - len(self._disks) * tar.BLOCK
        yield Late(lambda: _manifest(digests, time), length - len(tar.END.data))
        yield tar.END

    def _lengths(self) -> list[int]:
        return [image.length_bytes or 0 for image in self._images]

    def _described(self) -> bytes:
        return tar.member(_DESCRIPTION_NAME, self._description().encode(), self._identity.time).data

    def _description(self) -> str:
        found = zip(self._disks, self._lengths(), strict=True)
        return ovf(
            self._vm,
            [OvfDisk(disk.name, length, disk.block_map.size_bytes, disk.block_map.used_bytes) for disk, length in found],
        )


def _digested(piece: Piece, digest: Digest) -> Piece:
    """The same piece, which adds its bytes to the digest when it is put in its place."""
    match piece:
        case Literal(data):
            return Late(partial(_told, data, digest), len(data))
        case Coded(placed=placed):

            def told(offset: int, coded: bytes) -> None:
                digest.update(coded)
                if placed is not None:
                    placed(offset, coded)

            return replace(piece, placed=told)
        case _:
            raise AssertionError(f"a stored VMDK has no {type(piece).__name__}")


def _told(data: bytes, digest: Digest) -> bytes:
    digest.update(data)
    return data


def _manifest(digests: Mapping[str, Digest], time: int) -> bytes:
    lines = "".join(f"SHA1({name})= {digest.hexdigest()}\n" for name, digest in digests.items())
    return tar.member("machine.mf", lines.encode(), time).data


_DESCRIPTION_NAME = "machine.ovf"
