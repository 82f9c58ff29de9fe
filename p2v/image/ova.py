"""OVA (DMTF DSP0243, "Open Virtualization Format" 1.1): a tar of a description and the disks as streamOptimized VMDK.

They are stored, not compressed, so that the description can say how long they are before the first of their bytes is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

from xeninstall.base.sizes import MIB

from ..types import Late, Literal, Piece
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


class Ova:
    """The exact length is known beforehand."""

    def __init__(self, disks: Sequence[Disk], machine: Machine, identity: Identity) -> None:
        self._machine, self._identity = machine, identity
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


def _length(piece: Piece) -> int:
    return len(piece.data) if isinstance(piece, Literal) else (piece.length or 0) if isinstance(piece, Late) else 0


def _item(number: int, disk: str) -> str:
    # The schema wants the elements in the order of their names.
    return (
        f"<Item><rasd:AddressOnParent>{number}</rasd:AddressOnParent><rasd:ElementName>Disk {number + 1}</rasd:ElementName>"
        f"<rasd:HostResource>ovf:/disk/{disk}</rasd:HostResource><rasd:InstanceID>{10 + number}</rasd:InstanceID>"
        "<rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>"
    )


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
