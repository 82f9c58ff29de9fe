"""xl's configuration file: xl.cfg(5), xl-disk-configuration(5), xl-network-configuration(5)."""

from xeninstall.base.errors import UsageError

from .model import DiskImage, Mode, VirtualMachine, xen_name

# xl's word for each of QEMU's. Of a format that it does not know, the guest would write over the container.
FORMATS = {"raw": "raw", "qcow2": "qcow2", "vpc": "vhd"}
# Debian's package grub-xen-host, which every host of ours has.
_GRUB = {Mode.PV: "/usr/lib/grub-xen/grub-x86_64-xen.bin", Mode.PVH: "/usr/lib/grub-xen/grub-i386-xen_pvh.bin"}


def xl_config(vm: VirtualMachine, mode: Mode = Mode.HVM) -> str:
    """The whole file. Raises UsageError."""
    vm.check()
    lines = [f"# {vm.origin}"] if vm.origin else []
    lines += [f"# {remark}" for remark in vm.remarks]
    lines += [f"name = {_quoted(vm.name)}"]
    lines += [f"uuid = {_quoted(vm.uuid)}"] if vm.uuid else []
    lines += [f"type = {_quoted(mode)}", f"vcpus = {vm.vcpus}", f"memory = {vm.memory_mib}"]
    match mode:
        case Mode.HVM:
            lines += ['firmware = "ovmf"' if vm.uefi else 'firmware = "seabios"', 'boot = "c"', 'serial = "pty"']
            lines += ['vga = "stdvga"', "vnc = 1", 'vnclisten = "127.0.0.1"']
            # A pointer that follows the viewer's wakes dom0 a thousand times a second: for systems that are used by it.
            lines += ["usb = 1", 'usbdevice = ["tablet"]'] if vm.windows else []
            # Before its drivers for Xen are there, it finds its disks at the emulated IDE or SATA controller.
            lines += ['hdtype = "ahci"'] if vm.ahci and (len(vm.disks) > 4 or vm.uefi) else []
            lines += ["viridian = 1"] if vm.windows else []
        # Either reads the guest's own GRUB menu, in dom0 or within the guest.
        case Mode.PVH | Mode.PV if vm.plain_boot:
            lines += ['bootloader = "pygrub"']
        case Mode.PVH | Mode.PV:
            lines += [f"kernel = {_quoted(_GRUB[mode])}"]
    if vm.local_time:
        lines += ["localtime = 1"]
    lines += ['on_poweroff = "destroy"', 'on_reboot = "restart"', 'on_crash = "restart"']
    lines += ["disk = [", *(f"    {_quoted(_disk(disk, number))}," for number, disk in enumerate(vm.disks)), "]"]
    # The emulated card stays where no driver of Xen's takes its place; this machine type has no PCI Express for a newer one.
    model = f",model={'rtl8139' if vm.card == 'rtl8139' else 'e1000'}" if mode is Mode.HVM else ""
    lines += ["vif = [", *(f"    {_quoted(f'mac={nic.mac},bridge={nic.bridge}{model}')}," for nic in vm.nics), "]"]
    return "\n".join(lines) + "\n"


def _disk(disk: DiskImage, number: int) -> str:
    if disk.format not in FORMATS:
        raise UsageError(f"xl runs no disk in the format {disk.format}", hint="choose raw, qcow2 or vhd")
    # `target` comes last: it may hold commas.
    return f"format={FORMATS[disk.format]}, vdev={xen_name(number)}, access=rw, target={disk.path}"


def _quoted(text: str) -> str:
    # xl's strings know these escapes (libxlu_cfg.c).
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
