"""What `xeninstall probe` prints: the machine in words, 80 columns, no character that a serial line or console font lacks."""

import textwrap
from collections.abc import Iterator

from xeninstall.base.sizes import MIB, format_size

from .advice import virtualization_remedy
from .look import clean
from .model import Content, Disk, Firmware, FirmwareMode, Machine, Nic, Verdict

WIDTH = 80
_LABEL = 14
_VERDICTS = {
    Verdict.USABLE: "usable",
    Verdict.DISABLED_IN_FIRMWARE: "SWITCHED OFF in the firmware",
    Verdict.UNSUPPORTED: "NOT SUPPORTED",
    Verdict.UNKNOWN: "UNKNOWN",
}
_YES_NO = {True: "yes", False: "no", None: "unknown"}


def show(machine: Machine) -> str:
    """The text, ending in a newline."""
    lines = [*_hardware(machine), "", *_disks(machine), "", *_nics(machine)]
    if machine.notes:
        lines += ["", "Not seen:", *(line for note in machine.notes for line in _item(note))]
    return "\n".join(_plain(line) for line in lines) + "\n"


def _hardware(machine: Machine) -> Iterator[str]:
    firmware, cpu, kernel = machine.firmware, machine.cpu, machine.kernel
    maker, product = firmware.system_vendor, firmware.system_product
    name = product if maker and product.startswith(maker) else f"{maker} {product}".strip() or "unknown maker"
    yield from _field("Machine", name + (f", serial {firmware.system_serial}" if firmware.system_serial else ""))
    counts = f"{_count(cpu.sockets, 'socket')}, {_count(cpu.cores, 'core')}, {_count(cpu.threads, 'thread')}"
    yield from _field("Processor", f"{cpu.model}; {counts}")
    yield from _virtualization(machine)
    # Whole units hide that firmware keeps a little for itself, and people ask for what they bought.
    yield from _field("Memory", format_size(machine.memory_bytes // MIB * MIB))
    yield from _field("Firmware", _firmware(firmware))
    running = f"Linux {kernel.release}" if kernel.release else "Linux"
    lacks = [name for name, there in (("device-mapper", kernel.device_mapper), ("md (mirrors)", kernel.md)) if not there]
    yield from _field(
        "Kernel",
        running + (", in dom0 of a running Xen" if kernel.under_xen else "") + (f"; lacks {', '.join(lacks)}" if lacks else ""),
    )
    if kernel.serial_consoles:
        yield from _field("Serial", " ".join(kernel.serial_consoles))


def _virtualization(machine: Machine) -> Iterator[str]:
    virtualization = machine.cpu.virtualization
    named = f" ({virtualization.technology})" if virtualization.technology else ""
    yield from _field("Virtualization", _VERDICTS[virtualization.verdict] + named)
    yield from _field("", f"second-level paging (HAP): {_YES_NO[virtualization.hap]}; IOMMU: {_YES_NO[virtualization.iommu]}")
    if virtualization.verdict is not Verdict.USABLE:
        for line in (one for one in virtualization.evidence if "iommu" not in one.lower()):
            yield from _field("", f"because {line}")
        yield from _field("", virtualization_remedy(machine))


def _firmware(firmware: Firmware) -> str:
    version = f", version {firmware.bios_version}" if firmware.bios_version else ""
    if firmware.mode is FirmwareMode.BIOS:
        return f"BIOS{version}"
    secure = {
        True: "Secure Boot ENFORCED (Xen cannot start under it: switch it off before the installed host starts)",
        False: "Secure Boot off",
        None: "Secure Boot unknown",
    }
    return f"UEFI{version}, {secure[firmware.secure_boot]}"


def _disks(machine: Machine) -> Iterator[str]:
    usable = sum(disk.usable for disk in machine.disks)
    yield f"Disks: {len(machine.disks)}, {usable} usable" if machine.disks else "Disks: none found"
    for controller in machine.controllers:
        if controller.advice:
            yield from _item(controller.advice)
    if not machine.disks and not any(controller.advice for controller in machine.controllers):
        yield from _item("attach one, or load the driver of its controller")
    if machine.disks:
        yield _columns("", "device", "size", "bus", "model", "identity")
    for disk in machine.disks:
        yield from _disk(disk)


def _disk(disk: Disk) -> Iterator[str]:
    mark = "ok" if disk.usable else "NO"
    head = _columns(mark, disk.path, format_size(disk.size_bytes), disk.bus, disk.model, disk.identity)
    # An identity is for copying: too long a one gets a line of its own, whole.
    if len(head) > WIDTH:
        yield _columns(mark, disk.path, format_size(disk.size_bytes), disk.bus, disk.model, "").rstrip()
        yield from _item(disk.identity)
    else:
        yield head
    for obstacle in disk.obstacles:
        yield from _item(f"unusable: {obstacle.text}")
    if held := _summary(disk.contents):
        yield from _item(f"holds {held}")


def _summary(contents: tuple[Content, ...]) -> str:
    """What is on the disk in a sentence; partitions only count, their contents tell more."""
    partitions = sum(content.kind == "partition" for content in contents)
    told = [text for content in contents if content.kind != "partition" and (text := _told(content))]
    more = f" and {len(told) - 8} more" if len(told) > 8 else ""
    return "; ".join(([_count(partitions, "partition")] if partitions else []) + list(dict.fromkeys(told[:8]))) + more


def _told(content: Content) -> str:
    match content.kind:
        case "filesystem":
            return f"{content.fstype or 'file system'}" + (f' "{content.label}"' if content.label else "")
        case "logical_volume" | "array" | "crypt" | "device" | "lvm2_pv":
            return ""
        case _:
            return content.description or content.kind


def _nics(machine: Machine) -> Iterator[str]:
    yield f"Network cards: {len(machine.nics)}" if machine.nics else "Network cards: none found"
    for nic in machine.nics:
        yield from _nic(nic)


def _nic(nic: Nic) -> Iterator[str]:
    link = {True: "link", False: "no link", None: "down"}[nic.link] + (f" {_speed(nic.speed_mbps)}" if nic.speed_mbps else "")
    yield f"  {nic.name:<15} {nic.mac:<17}  {link:<14} {nic.driver:<12} {nic.pci}".rstrip()
    if nic.model:
        yield from _item(nic.model)
    if nic.addresses:
        yield from _item(", ".join(nic.addresses) + ("; default route" if nic.default_route else ""))
    elif nic.default_route:
        yield from _item("default route")


def _speed(mbps: int) -> str:
    return f"{mbps / 1000:g} Gbit/s" if mbps >= 1000 else f"{mbps} Mbit/s"


def _columns(mark: str, device: str, size: str, bus: str, model: str, identity: str) -> str:
    return f"  {mark:<2} {device:<12} {size:>9} {bus:<6} {model[:20]:<20} {identity}"


def _field(label: str, text: str) -> list[str]:
    start = f"{label}:" if label else ""
    return textwrap.wrap(text, WIDTH, initial_indent=f"{start:<{_LABEL + 2}}", subsequent_indent=" " * (_LABEL + 2)) or [start]


def _item(text: str) -> list[str]:
    return textwrap.wrap(clean(text, 1000), WIDTH, initial_indent="     - ", subsequent_indent="       ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _plain(line: str) -> str:
    """ASCII only, and nothing that could steer a terminal: a recorded profile may come from anywhere."""
    text = line.replace("…", "...").encode("ascii", "replace").decode()
    return "".join(char if char.isprintable() else " " for char in text).rstrip()
