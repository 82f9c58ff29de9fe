"""A computer made of files and recorded command output, for the probe to look at.

A test builds one piece by piece in a temporary directory; nothing of the machine that runs the test shines through.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xeninstall.base.run import Completed, MissingTool
from xeninstall.machine.look import Look
from xeninstall.machine.model import Machine
from xeninstall.machine.probe import probe

GIB = 2**30
Node = dict[str, Any]  # a block device as lsblk writes it


@dataclass
class Played:
    """A recorded command; one with `hangs` never ends."""

    completed: Completed
    hangs: bool = False
    stopped: bool = False

    def poll(self) -> int | None:
        return None if self.hangs else self.completed.status

    def wait_for(self, seconds: float) -> Completed | None:
        return None if self.hangs else self.completed

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Recorder:
    """Plays commands back by how they begin; what was not recorded is not installed."""

    answers: dict[tuple[str, ...], Played] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Played:
        self.asked.append(tuple(argv))
        fitting = [
            begin for begin in self.answers if tuple(argv[: len(begin)]) == begin or (begin == ("python",) and "-I" in argv)
        ]
        if not fitting:
            raise MissingTool(argv[0])
        return self.answers[max(fitting, key=len)]

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        raise AssertionError("the probe limits the time of every command, so it starts them and waits")


@dataclass
class RecordedStack:
    """The network libraries' answers."""

    cidrs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: tuple[str, ...] = ()
    speeds: dict[str, int] = field(default_factory=dict)

    def addresses(self, name: str) -> tuple[str, ...]:
        return self.cidrs.get(name, ())

    def default_interfaces(self) -> tuple[str, ...]:
        return self.defaults

    def speed_mbps(self, name: str) -> int | None:
        return self.speeds.get(name)


class Computer:
    """Files under `root`, commands in `runner`, network libraries in `stack`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runner = Recorder()
        self.stack = RecordedStack()
        self._routes: list[Node] = []
        self._nodes: list[Node] = []
        self._mounts = 20
        self.command(["dmesg"], "")
        self.command(["modprobe", "-n"], "", status=1)
        self.command(["ip", "-j"], "[]")
        self.lsblk()

    def probe(self) -> Machine:
        return probe(self.runner, self.root, self.stack)

    def look(self) -> Look:
        return Look(self.runner, self.root)

    # Files

    def file(self, path: str, data: str | bytes = "") -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data if isinstance(data, bytes) else data.encode())

    def link(self, path: str, target: str) -> None:
        """A symbolic link; an absolute target is one inside this computer."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.path.relpath(self.root / target.lstrip("/"), place.parent) if target.startswith("/") else target)

    def register(self, path: str, offset: int, value: bytes) -> None:
        """A value at an offset of a character device such as /dev/cpu/0/msr, as a sparse file."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("r+b" if place.exists() else "wb") as file:
            file.seek(offset)
            file.write(value)

    # Commands

    def command(self, begin: Sequence[str], stdout: str, *, status: int = 0, stderr: str = "", hangs: bool = False) -> None:
        self.runner.answers[tuple(begin)] = Played(Completed(tuple(begin), status, stdout, stderr), hangs)

    def cpuid(self, flags: str, *, status: int = 0) -> None:
        """What py-cpuinfo's child process says."""
        self.command(["python"], flags + "\n", status=status)

    # Parts of a machine

    def cpu(self, model: str, vendor: str, flags: str, *, sockets: int = 1, cores: int = 4, threads: int = 8) -> None:
        blocks = []
        for number in range(threads):
            core = number % cores
            socket, core_id = core * sockets // cores, core % (cores // sockets)
            blocks.append(
                f"processor\t: {number}\nvendor_id\t: {vendor}\nmodel name\t: {model}\nphysical id\t: {socket}\n"
                f"core id\t\t: {core_id}\nflags\t\t: fpu msr pae lm {flags}\n"
            )
        self.file("/proc/cpuinfo", "\n".join(blocks) + "\n")

    def memory(self, gib: float) -> None:
        self.file("/proc/meminfo", f"MemTotal: {int(gib * 2**20 * 0.98)} kB\nMemFree: 1 kB\nBuffers: 0 kB\nCached: 0 kB\n")
        # 128 MiB, and 2 GiB on large machines, as x86-64 kernels choose it.
        self.file("/sys/devices/system/memory/block_size_bytes", "80000000\n" if gib >= 64 else "8000000\n")
        for number in range(int(gib / 2 if gib >= 64 else gib * 8)):
            (self.root / f"sys/devices/system/memory/memory{number}").mkdir()

    def kernel(self, *, release: str = "6.12.57+deb13-amd64", console: str = "console=tty0", modules: bool = True) -> None:
        self.file("/proc/sys/kernel/osrelease", release + "\n")
        self.file("/proc/cmdline", f"BOOT_IMAGE=/live/vmlinuz boot=live components {console} quiet\n")
        if modules:
            self.command(["modprobe", "-n"], "")

    def dmi(self, vendor: str, product: str, serial: str, bios: str) -> None:
        for name, text in (("sys_vendor", vendor), ("product_name", product), ("product_serial", serial), ("bios_version", bios)):
            self.file(f"/sys/class/dmi/id/{name}", text + "\n")

    def uefi(self, *, secure_boot: bool) -> None:
        name = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
        self.file(f"/sys/firmware/efi/efivars/{name}", bytes([6, 0, 0, 0, int(secure_boot)]))
        self.file("/sys/firmware/efi/efivars/Boot0000-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"")

    def acpi(self, *tables: str) -> None:
        for table in ("APIC", "DSDT", "FACP", *tables):
            self.file(f"/sys/firmware/acpi/tables/{table}", b"")

    def pci(self, address: str, ids: str, class_code: str, driver: str = "") -> str:
        """A PCI device; its place in the device tree."""
        place = f"/sys/devices/pci{address.rpartition(':')[0]}/{address}"
        vendor, device = ids.split(":")
        self.file(f"{place}/vendor", f"0x{vendor}\n")
        self.file(f"{place}/device", f"0x{device}\n")
        self.file(f"{place}/class", f"0x{class_code}\n")
        self.link(f"/sys/bus/pci/devices/{address}", place)
        if driver:
            self.link(f"{place}/driver", f"/sys/bus/pci/drivers/{driver}")
        return place

    def nic(
        self,
        name: str,
        mac: str,
        address: str,
        ids: str,
        driver: str,
        *,
        model: str = "",
        link: bool | None = True,
        speed: int = 1000,
        cidrs: tuple[str, ...] = (),
        default: bool = False,
    ) -> None:
        place = self.pci(address, ids, "020000", driver)
        base = f"{place}/net/{name}"
        index = 2 + len(list((self.root / "sys/class/net").iterdir())) if (self.root / "sys/class/net").exists() else 2
        self.file(f"{base}/type", "1\n")
        self.file(f"{base}/address", mac + "\n")
        self.file(f"{base}/ifindex", f"{index}\n")
        if link is not None:
            self.file(f"{base}/carrier", f"{int(link)}\n")
            self.file(f"{base}/speed", f"{speed if link else -1}\n")
        self.link(f"{base}/device", place)
        self.link(f"/sys/class/net/{name}", base)
        if model:
            maker, _, product = model.partition("|")
            self.file(f"/run/udev/data/n{index}", f"I:1\nE:ID_VENDOR_FROM_DATABASE={maker}\nE:ID_MODEL_FROM_DATABASE={product}\n")
        self.stack.cidrs[name] = cidrs
        if default:
            self._routes.append(
                {"dst": "default", "gateway": "192.0.2.1", "dev": name, "protocol": "dhcp", "metric": 100, "flags": []}
            )
            self.command(["ip", "-j", "-4", "route"], json.dumps(self._routes))

    def over(self, upper: str, lower: str) -> None:
        """A bridge, bond or VLAN stands on an interface."""
        self.link(f"/sys/class/net/{upper}/lower_{lower}", f"/sys/class/net/{lower}")
        (self.root / f"sys/class/net/{lower}").resolve().joinpath(f"upper_{upper}").mkdir()

    # Disks

    def lsblk(self, *nodes: Node) -> None:
        """The disks, besides those that are there."""
        self._nodes += nodes
        self.command(["lsblk"], json.dumps({"blockdevices": self._nodes}))
        for node in nodes:
            names = [f"wwn-{node['wwn']}"] if node["wwn"] else []
            if node["model"] and node["serial"]:
                bus = {"sata": "ata", "sas": "scsi", "fc": "scsi"}.get(node["tran"], node["tran"])
                names.append(f"{bus}-{node['model']}_{node['serial']}".replace(" ", "_"))
            for name in names if node["type"] == "disk" else ():
                place = f"/dev/disk/by-id/{name}"
                if not (self.root / place.lstrip("/")).is_symlink():  # the first path to a SAN disk wins, as with udev
                    self.link(place, f"../../{node['kname']}")

    def mount(self, number: str, place: str, fstype: str, source: str, options: str = "rw") -> None:
        self._mounts += 1
        path = self.root / "proc/self/mountinfo"
        before = path.read_text() if path.exists() else ""
        self.file(
            "/proc/self/mountinfo",
            f"{before}{self._mounts} 1 {number} / {place} rw,relatime shared:1 - {fstype} {source} {options}\n",
        )

    def live(self, stick: str = "sdz") -> None:
        """Booted from the medium on a USB stick, as live-boot does it."""
        self.mount(
            "0:30", "/", "overlay", "overlay", "rw,lowerdir=/run/live/rootfs/filesystem.squashfs/,upperdir=/run/live/overlay/rw"
        )
        self.mount(_number(f"{stick}1"), "/run/live/medium", "iso9660", f"/dev/{stick}1", "ro")
        self.mount("7:0", "/run/live/rootfs/filesystem.squashfs", "squashfs", "/dev/loop0", "ro")
        self.file("/sys/block/loop0/loop/backing_file", "/run/live/medium/live/filesystem.squashfs\n")
        iso = part(f"{stick}1", 0.5, "iso9660", label="XENINSTALL", mountpoints=["/run/live/medium"])
        esp = part(f"{stick}2", 0.01, "vfat")
        node = disk(stick, 14.9, model="Ultra Fit", serial="4C530001231120115142", tran="usb", rm=True, pttype="dos")
        self.lsblk(node | {"children": [iso, esp]})


def disk(
    name: str, gib: float, *, model: str | None = None, serial: str | None = None, tran: str | None = None, **more: Any
) -> Node:
    """A whole disk as `lsblk -J -O -b` writes it; the columns that the probe never reads are left out."""
    children = more.pop("children", None)
    number = more.pop("number", None) or _number(name)
    node: Node = {
        "name": name,
        "kname": name,
        "path": f"/dev/{name}",
        "maj:min": number,
        "type": "disk",
        "size": int(gib * GIB),
        "log-sec": 512,
        "model": model,
        "serial": serial,
        "wwn": None,
        "tran": tran,
        "subsystems": "block:scsi:pci",
        "pttype": None,
        "fstype": None,
        "label": None,
        "uuid": None,
        "mountpoints": [None],
        "ro": False,
        "rm": False,
        "rota": True,
    } | more
    return node | ({"children": children} if children else {})


# major:minor as the sd driver gives them; of others only that they differ.
def _number(name: str) -> str:
    letters = name.removeprefix("sd").rstrip("0123456789")
    if not name.startswith("sd") or not letters.isalpha():
        return f"259:{int.from_bytes(name.encode(), 'big') % 1000003}"
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("a") + 1
    group, place = divmod(index - 1, 16)
    return f"{64 + group if group else 8}:{place * 16 + int(name.removeprefix('sd').removeprefix(letters) or 0)}"


def part(name: str, gib: float, fstype: str | None = None, **more: Any) -> Node:
    """A partition, or with `type` what stands on one."""
    base: Node = {"type": "part", "fstype": fstype, "partlabel": None, "parttype": None, "parttypename": None}
    return disk(name, gib, **({"subsystems": "block:scsi:pci"} | base | more))
