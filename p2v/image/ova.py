"""OVA (DMTF DSP0243, "Open Virtualization Format" 1.1): a tar of a description, the disks as streamOptimized VMDK, a manifest.

The disks are stored, not compressed, so that the description can say how long they are before the first of their bytes is read.
The manifest is the last member, where the standard allows it, too: a stream has read all only then. Its digests are SHA-1, since
1.1 and the hosts of its time know no other; against tampering there is p2v's own journal.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol
from xml.sax.saxutils import escape, quoteattr

from xeninstall.base.sizes import MIB

from ..types import Coded, Late, Literal, Piece
from . import tar
from .model import Disk, Identity
from .vmdk import Vmdk


@dataclass(frozen=True)
class Machine:
    """The little that a container of disks must say of its machine."""

    name: str
    vcpus: int = 2
    memory_bytes: int = 2048 * MIB
    uefi: bool = False


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes, /) -> None:
        """More bytes."""

    def hexdigest(self) -> str:
        """The digest of all so far."""


class Ova:
    """The exact length is known beforehand."""

    def __init__(self, disks: Sequence[Disk], machine: Machine, identity: Identity) -> None:
        self._machine, self._identity = machine, identity
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
        files, disks, items = [], [], []
        for number, (disk, length) in enumerate(zip(self._disks, self._lengths(), strict=True)):
            files.append(f'<File ovf:href="{disk.name}.vmdk" ovf:id="file{number}" ovf:size="{length}"/>')
            disks.append(
                f'<Disk ovf:capacity="{disk.block_map.size_bytes}" ovf:capacityAllocationUnits="byte" ovf:diskId="{disk.name}" '
                f'ovf:fileRef="file{number}" ovf:populatedSize="{disk.block_map.used_bytes}" ovf:format="{_FORMAT}"/>'
            )
            items.append(_item(number, disk.name))
        return _OVF.format(
            files="".join(files),
            disks="".join(disks),
            items="".join(items),
            name=escape(self._machine.name),
            id=quoteattr(self._machine.name),
            vcpus=self._machine.vcpus,
            memory=self._machine.memory_bytes // MIB,
            firmware="efi" if self._machine.uefi else "bios",
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


def _item(number: int, disk: str) -> str:
    # The schema wants the elements in the order of their names.
    return (
        f"<Item><rasd:AddressOnParent>{number}</rasd:AddressOnParent><rasd:ElementName>Disk {number + 1}</rasd:ElementName>"
        f"<rasd:HostResource>ovf:/disk/{disk}</rasd:HostResource><rasd:InstanceID>{10 + number}</rasd:InstanceID>"
        "<rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>"
    )


_DESCRIPTION_NAME = "machine.ovf"
_FORMAT = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
_OVF = (
    """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
 xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
 xmlns:vmw="http://www.vmware.com/schema/ovf">
<References>{files}</References>
<DiskSection><Info>Virtual disks</Info>{disks}</DiskSection>
<VirtualSystem ovf:id={id}><Info>A virtual machine</Info><Name>{name}</Name>
<OperatingSystemSection ovf:id="1"><Info>The kind of guest is not known</Info></OperatingSystemSection>
<VirtualHardwareSection><Info>Virtual hardware</Info>
<System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>"""
    "<vssd:VirtualSystemIdentifier>{name}</vssd:VirtualSystemIdentifier>"
    "<vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType></System>\n"
    "<Item><rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits><rasd:ElementName>{vcpus} CPU</rasd:ElementName>"
    "<rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>"
    "<rasd:VirtualQuantity>{vcpus}</rasd:VirtualQuantity></Item>\n"
    "<Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ElementName>{memory} MiB</rasd:ElementName>"
    "<rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>"
    "<rasd:VirtualQuantity>{memory}</rasd:VirtualQuantity></Item>\n"
    "<Item><rasd:Address>0</rasd:Address><rasd:ElementName>SATA controller</rasd:ElementName><rasd:InstanceID>3</rasd:InstanceID>"
    "<rasd:ResourceSubType>AHCI</rasd:ResourceSubType><rasd:ResourceType>20</rasd:ResourceType></Item>\n"
    '{items}<vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="{firmware}"/>\n'
    "</VirtualHardwareSection></VirtualSystem></Envelope>\n"
)
