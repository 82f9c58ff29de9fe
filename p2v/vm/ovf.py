"""OVF (DMTF DSP0243, "Open Virtualization Format" 1.1): the description of a machine with its disks and cards."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from .model import VirtualMachine


@dataclass(frozen=True)
class OvfDisk:
    """A disk's file beside the description: its length, the disk's size, and how much of that is in use, in bytes."""

    name: str
    file_bytes: int
    size_bytes: int
    used_bytes: int

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.vmdk"


def ovf(vm: VirtualMachine, images: Sequence[OvfDisk]) -> str:
    """The whole file."""
    files, disks, items = [], [], []
    for number, disk in enumerate(images):
        files.append(f'<File ovf:href="{disk.file}" ovf:id="file{number}" ovf:size="{disk.file_bytes}"/>')
        disks.append(
            f'<Disk ovf:capacity="{disk.size_bytes}" ovf:capacityAllocationUnits="byte" ovf:diskId="{disk.name}" '
            f'ovf:fileRef="file{number}" ovf:populatedSize="{disk.used_bytes}" ovf:format="{_FORMAT}"/>'
        )
        items.append(_item(number, disk.name))
    bridges = list(dict.fromkeys(nic.bridge for nic in vm.nics))
    networks = "".join(
        f"<Network ovf:name={quoteattr(bridge)}><Description>a bridge of the host</Description></Network>" for bridge in bridges
    )
    items += [_card(number, nic.mac, nic.bridge) for number, nic in enumerate(vm.nics)]
    return _OVF.format(
        files="".join(files),
        disks="".join(disks),
        networks=f"<NetworkSection><Info>Networks</Info>{networks}</NetworkSection>\n" if networks else "",
        note=_NOTE.format(origin=escape(vm.origin)) if vm.origin else "",
        items="".join(items),
        name=escape(vm.name),
        id=quoteattr(vm.name),
        vcpus=vm.vcpus,
        cores=vm.cores * vm.threads,
        memory=vm.memory_mib,
        firmware="efi" if vm.uefi else "bios",
    )


def _item(number: int, disk: str) -> str:
    # The schema wants the elements in the order of their names.
    return (
        f"<Item><rasd:AddressOnParent>{number}</rasd:AddressOnParent><rasd:ElementName>Disk {number + 1}</rasd:ElementName>"
        f"<rasd:HostResource>ovf:/disk/{disk}</rasd:HostResource><rasd:InstanceID>{10 + number}</rasd:InstanceID>"
        "<rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>"
    )


def _card(number: int, mac: str, bridge: str) -> str:
    return (
        f"<Item><rasd:Address>{mac}</rasd:Address><rasd:AutomaticAllocation>true</rasd:AutomaticAllocation>"
        f"<rasd:Connection>{escape(bridge)}</rasd:Connection><rasd:ElementName>Network card {number + 1}</rasd:ElementName>"
        f"<rasd:InstanceID>{100 + number}</rasd:InstanceID><rasd:ResourceSubType>E1000</rasd:ResourceSubType>"
        "<rasd:ResourceType>10</rasd:ResourceType></Item>"
    )


_NOTE = "<AnnotationSection><Info>Where it came from</Info><Annotation>{origin}</Annotation></AnnotationSection>\n"
_FORMAT = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
_OVF = (
    """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
 xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
 xmlns:vmw="http://www.vmware.com/schema/ovf">
<References>{files}</References>
<DiskSection><Info>Virtual disks</Info>{disks}</DiskSection>
{networks}<VirtualSystem ovf:id={id}><Info>A virtual machine</Info><Name>{name}</Name>
<OperatingSystemSection ovf:id="1"><Info>The kind of guest is not known</Info></OperatingSystemSection>
{note}<VirtualHardwareSection><Info>Virtual hardware</Info>
<System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>"""
    "<vssd:VirtualSystemIdentifier>{name}</vssd:VirtualSystemIdentifier>"
    "<vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType></System>\n"
    "<Item><rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits><rasd:ElementName>{vcpus} CPU</rasd:ElementName>"
    "<rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>"
    "<rasd:VirtualQuantity>{vcpus}</rasd:VirtualQuantity>"
    '<vmw:CoresPerSocket ovf:required="false">{cores}</vmw:CoresPerSocket></Item>\n'
    "<Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ElementName>{memory} MiB</rasd:ElementName>"
    "<rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>"
    "<rasd:VirtualQuantity>{memory}</rasd:VirtualQuantity></Item>\n"
    "<Item><rasd:Address>0</rasd:Address><rasd:ElementName>SATA controller</rasd:ElementName><rasd:InstanceID>3</rasd:InstanceID>"
    "<rasd:ResourceSubType>AHCI</rasd:ResourceSubType><rasd:ResourceType>20</rasd:ResourceType></Item>\n"
    '{items}<vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="{firmware}"/>\n'
    "</VirtualHardwareSection></VirtualSystem></Envelope>\n"
)
