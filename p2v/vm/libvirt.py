"""libvirt's domain XML (formatdomain): KVM with virtio devices, or emulated ones for a guest that has no drivers for virtio."""

from xml.sax.saxutils import escape, quoteattr

from xeninstall.base.errors import UsageError

from .model import DiskImage, VirtualMachine, xen_name

# What libvirt and QEMU both know, and can write: a streamOptimized VMDK takes no writes, and libvirt has no name for VHDX.
_IDE_DISKS = 4
FORMATS = ("raw", "qcow2", "vpc", "vdi")


def libvirt_xml(vm: VirtualMachine, *, software: bool = False) -> str:
    """A domain to define. `software` is for hosts without hardware virtualization. Raises UsageError."""
    vm.check()
    uuid = f"\n  <uuid>{escape(vm.uuid)}</uuid>" if vm.uuid else ""
    firmware = " firmware='efi'" if vm.uefi else ""
    # Secure Boot's keys are not the old machine's: the loader must not insist on them.
    secure = "\n    <firmware><feature enabled='no' name='secure-boot'/></firmware>" if vm.uefi else ""
    hyperv = (
        "<hyperv><relaxed state='on'/><vapic state='on'/><spinlocks state='on' retries='8191'/></hyperv>" if vm.windows else ""
    )
    cpu = "" if software else " mode='host-passthrough'"
    model = "virtio" if vm.virtio_cards else vm.card
    disks = "".join(_disk(disk, *_place(number, vm)) for number, disk in enumerate(vm.disks))
    nics = "".join(
        f"""
    <interface type='bridge'>
      <mac address='{nic.mac}'/>
      <source bridge={quoteattr(nic.bridge)}/>
      <model type='{model}'/>
    </interface>"""
        for nic in vm.nics
    )
    return f"""<domain type='{"qemu" if software else "kvm"}'>
  <name>{escape(vm.name)}</name>{uuid}
  <description>{escape(vm.origin)}</description>
  <memory unit='MiB'>{vm.memory_mib}</memory>
  <vcpu>{vm.vcpus}</vcpu>
  <os{firmware}>
    <type arch='x86_64' machine='{"q35" if vm.ahci else "pc"}'>hvm</type>{secure}
    <boot dev='hd'/>
  </os>
  <features><acpi/><apic/>{hyperv}</features>
  <cpu{cpu}>
    <topology sockets='{vm.sockets}' cores='{vm.cores}' threads='{vm.threads}'/>
  </cpu>
  <clock offset='{"localtime" if vm.local_time else "utc"}'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>restart</on_crash>
  <devices>{disks}{nics}
    <console type='pty'/>
    <video><model type='vga'/></video>
    <graphics type='vnc' port='-1' listen='127.0.0.1'/>
    <input type='tablet' bus='usb'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
"""


def _place(number: int, vm: VirtualMachine) -> tuple[str, str]:
    """The disk's name and bus. IDE is what a system knows that is older than AHCI, and there are four places on it."""
    if vm.virtio_disks:
        return xen_name(number, "vd"), "virtio"
    ide = 0 if vm.ahci else _IDE_DISKS
    return (xen_name(number, "hd"), "ide") if number < ide else (xen_name(number - ide, "sd"), "sata")


def _disk(disk: DiskImage, name: str, bus: str) -> str:
    if disk.format not in FORMATS:
        raise UsageError(f"libvirt runs no disk in the format {disk.format}", hint="choose raw, qcow2, vhd or vdi")
    kind, source = ("block", "dev") if disk.path.startswith("/dev/") else ("file", "file")
    return f"""
    <disk type='{kind}' device='disk'>
      <driver name='qemu' type='{disk.format}' discard='unmap'/>
      <source {source}={quoteattr(disk.path)}/>
      <target dev='{name}' bus='{bus}'/>
    </disk>"""
