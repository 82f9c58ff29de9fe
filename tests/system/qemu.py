"""A computer in QEMU for as long as a `with` lasts: disks on any bus, BIOS or UEFI, networks, its serial console."""

import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from .console import Console
from .installer import REPOSITORY
from .terminal import Terminal

QEMU = "qemu-system-x86_64"
_OVMF = Path("/usr/share/OVMF")
# For hosts whose guests are started: within software emulation's own virtualization these die of newer processors' features.
NESTING = "qemu64,+svm,+npt,+nrip-save,-rdtscp,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf_lm"
# The same without virtualization: what is sent there starts as PV.
PLAIN = NESTING.replace("+svm,+npt,+nrip-save", "-svm")
# The machines of the running test, for its report.
machines: list["Machine"] = []


@dataclass(frozen=True)
class Disk:
    """A raw disk. With `snapshot` what the machine writes is forgotten when it ends."""

    path: Path
    bus: str = "virtio"  # virtio, scsi, ahci, nvme, usb; cd is a drive with a disc in it
    serial: str = ""
    snapshot: bool = True
    readonly: bool = False
    sector_bytes: int = 512


@dataclass(frozen=True)
class UserNet:
    """A NIC on a network of QEMU's own that leads nowhere: gateway 192.0.2.1, DHCP from .100, DNS address .53."""

    mac: str = "52:54:00:c0:ff:ee"
    forwards: tuple[str, ...] = ()  # tcp:127.0.0.1:PORT-192.0.2.10:22
    reaches_us: bool = False  # the gateway is this machine's loopback, with the servers of a test on it

    def arguments(self, name: str) -> list[str]:
        """QEMU's options for it."""
        forwards = "".join(f",hostfwd={forward}" for forward in self.forwards)
        net = "net=192.0.2.0/24,host=192.0.2.1,dhcpstart=192.0.2.100,dns=192.0.2.53,domainname=dhcp.example.org"
        return ["-netdev", f"user,id={name},restrict={'off' if self.reaches_us else 'on'},{net}{forwards}"]


@dataclass(frozen=True)
class BootNet:
    """A NIC that a machine starts over: iPXE is told of this URL. A web server of this machine's loopback is at 10.0.2.2."""

    url: str
    mac: str = "52:54:00:c0:ff:ee"

    def arguments(self, name: str) -> list[str]:
        """QEMU's options for it."""
        return ["-netdev", f"user,id={name},bootfile={self.url}"]


@dataclass(frozen=True)
class WireNet:
    """A NIC whose every frame is a datagram between two unix sockets: `here` is QEMU's, `there` whoever answers."""

    mac: str
    here: Path
    there: Path

    def arguments(self, name: str) -> list[str]:
        """QEMU's options for it."""
        local = f"local.type=unix,local.path={self.here}"
        return ["-netdev", f"dgram,id={name},{local},remote.type=unix,remote.path={self.there}"]


@dataclass(frozen=True)
class DirectBoot:
    """A kernel started by QEMU itself, without firmware, boot loader and Xen."""

    kernel: Path
    initrd: Path
    append: str


@dataclass
class Machine:
    """Use it as a context manager; leaving it kills QEMU whatever happened. `console` is its first serial port."""

    disks: Sequence[Disk]
    firmware: str = "bios"  # bios, uefi, or secure: UEFI that enforces Secure Boot with Microsoft's keys
    nics: Sequence[UserNet | WireNet | BootNet] = (UserNet(),)
    memory_mib: int = 4096
    direct: DirectBoot | None = None
    name: str = "machine"
    transcript: Path | None = None  # a file for what the console says, to be watched
    processor: str = ""  # QEMU's model where software emulates it; the best one when it is left out
    console: Console = field(init=False)

    def __enter__(self) -> "Machine":
        self._place = Path(tempfile.mkdtemp(prefix="xeninstall-vm-"))
        self._serial_line = self._place / "serial"
        try:
            self._start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    def _start(self) -> None:
        serial, monitor = self._serial_line, self._place / "monitor"
        # Variables that an operating system must not change are kept by code in system management mode.
        board = "q35,smm=on" if self.firmware == "secure" else "q35"
        # fmt: off
        argv = [
            QEMU, *self._accelerator(), "-machine", board, "-smp", str(processors()), "-m", str(self.memory_mib),
            "-display", "none", "-vga", "none", "-no-reboot", "-nodefaults",
            "-chardev", f"socket,id=serial,path={serial},server=on,wait=on", "-serial", "chardev:serial",
            "-chardev", f"socket,id=monitor,path={monitor},server=on,wait=off", "-mon", "chardev=monitor,mode=readline",
            "-device", "virtio-rng-pci", "-device", "virtio-scsi-pci,id=scsi",
        ]
        # fmt: on
        if any(disk.bus == "usb" for disk in self.disks):
            argv += ["-device", "qemu-xhci,id=usb"]
        argv += [*self._firmware(), *(self._direct(self.direct) if self.direct else [])]
        for number, disk in enumerate(self.disks):
            argv += _disk(number, disk, bootable=self.direct is None, behind=len(self.nics))
        for number, nic in enumerate(self.nics):
            # LACP bonds cards of equal speed, and without being told a virtual card knows none.
            card = f"virtio-net-pci,netdev=net{number},mac={nic.mac},speed=1000,duplex=full"
            card += ",bootindex=0" if isinstance(nic, BootNet) else ""
            argv += [*nic.arguments(f"net{number}"), "-device", card]
        guard = ["setpriv", "--pdeathsig", "KILL", "--"]
        self._errors = (self._place / "errors").open("w+b")
        self._process = subprocess.Popen(
            [*guard, *argv], stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors, start_new_session=True
        )
        self._serial, self._monitor = self._connect(serial), self._connect(monitor)
        self.console = Console(self._serial, self.running, self.transcript)
        machines.append(self)

    def _connect(self, path: Path) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 20
        while True:
            try:
                connection.connect(str(path))
                return connection
            except OSError:
                if not self.running() or time.monotonic() > deadline:
                    self._errors.seek(0)
                    said = self._errors.read().decode(errors="replace")
                    raise AssertionError(f"QEMU did not start: {said}") from None
                time.sleep(0.05)

    def _accelerator(self) -> tuple[str, ...]:
        found = accelerator()
        return (*found[:-1], self.processor) if self.processor and "kvm" not in found else found

    def _firmware(self) -> list[str]:
        if self.firmware == "bios":
            return []
        variables = self._place / "vars.fd"
        secure = self.firmware == "secure"
        shutil.copy(_OVMF / ("OVMF_VARS_4M.ms.fd" if secure else "OVMF_VARS_4M.fd"), variables)
        code = f"if=pflash,format=raw,readonly=on,file={_OVMF / ('OVMF_CODE_4M.secboot.fd' if secure else 'OVMF_CODE_4M.fd')}"
        locked = ["-global", "driver=cfi.pflash01,property=secure,value=on"] if secure else []
        return [*locked, "-drive", code, "-drive", f"if=pflash,format=raw,file={variables}"]

    def _direct(self, direct: DirectBoot) -> list[str]:
        return ["-kernel", str(direct.kernel), "-initrd", str(direct.initrd), "-append", direct.append]

    def monitor(self, command: str) -> None:
        """Give QEMU a command, such as `device_del disk1`."""
        self._monitor.sendall(f"{command}\n".encode())

    @contextmanager
    def screen(self, patience_seconds: float = 60) -> Iterator[Terminal]:
        """A terminal of 80x24 at the serial line, for what draws on it; `console` hears nothing from then on."""
        self._serial.shutdown(socket.SHUT_RDWR)
        self._serial.close()
        argv = [sys.executable, "-m", "tests.system.line", str(self._serial_line)]
        with Terminal("vt220", argv, REPOSITORY, patience_seconds) as terminal:
            terminal.takes_keys()
            yield terminal

    def running(self) -> bool:
        """Is QEMU still there?"""
        return self._process.poll() is None

    def wait(self, timeout: float) -> None:
        """Until the machine has powered itself off (or rebooted, which ends it, too)."""
        self._process.wait(timeout)

    def kill(self) -> None:
        """As if the plug were pulled: what the machine has not written is lost."""
        if hasattr(self, "_process") and self.running():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for connection in (getattr(self, "_serial", None), getattr(self, "_monitor", None), getattr(self, "_errors", None)):
            if connection is not None:
                connection.close()
        shutil.rmtree(self._place, ignore_errors=True)


def _disk(number: int, disk: Disk, *, bootable: bool, behind: int) -> list[str]:
    options = f"if=none,id=drive{number},format=raw,cache=unsafe,discard=unmap,file={disk.path}"
    options += ",snapshot=on" if disk.snapshot and not disk.readonly else ""
    options += ",readonly=on" if disk.readonly else ""
    kind = {
        "virtio": "virtio-blk-pci",
        "scsi": "scsi-hd,bus=scsi.0",
        "ahci": f"ide-hd,bus=ide.{number}",
        "nvme": "nvme",
        "usb": "usb-storage,bus=usb.0,removable=on",
        "cd": f"ide-cd,bus=ide.{number}",
    }[disk.bus]
    # An NVMe drive has to have a serial number.
    serial = f",serial={disk.serial}" if disk.serial or disk.bus == "nvme" else ""
    size = f",logical_block_size={disk.sector_bytes},physical_block_size=4096" if disk.sector_bytes != 512 else ""
    device = f"{kind},id=disk{number},drive=drive{number}{serial}{size}"
    return ["-drive", options, "-device", device + (f",bootindex={behind + number}" if bootable else "")]


def processors() -> int:
    """Two; `make test-vm` gives each of its machines one, because it has two at work at once."""
    return int(os.environ.get("XENINSTALL_TEST_PROCESSORS", "2"))


@functools.cache
def accelerator() -> tuple[str, ...]:
    """KVM where it really works, which its device node alone does not tell; otherwise software emulation."""
    if os.access("/dev/kvm", os.W_OK) and _kvm_works():
        return ("-accel", "kvm", "-cpu", "host")
    said = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    major = int(said.split("version ")[1].split(".")[0])
    # QEMU before 10 crashes a dom0 that uses SMAP.
    return ("-accel", "tcg,thread=multi", "-cpu", "max" if major >= 10 else "max,-smap,-smep")


def _kvm_works() -> bool:
    """Does a BIOS get as far as its first line within a second or two?"""
    with tempfile.TemporaryDirectory() as place:
        said = Path(place) / "said"
        said.touch()
        # fmt: off
        argv = [
            "setpriv", "--pdeathsig", "KILL", "--", QEMU, "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "64",
            "-display", "none", "-nodefaults", "-chardev", f"file,id=said,path={said}",
            "-device", "isa-debugcon,iobase=0x402,chardev=said",
        ]
        # fmt: on
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            for _ in range(20):
                if b"SeaBIOS" in said.read_bytes():
                    return True
                if process.poll() is not None:
                    return False
                time.sleep(0.1)
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def hvm_expected() -> bool:
    """Can Xen find hardware virtualization in here? Emulation has it; KVM only when it nests."""
    if "tcg" in accelerator()[1]:
        return True
    nested = [Path(f"/sys/module/{module}/parameters/nested") for module in ("kvm_intel", "kvm_amd")]
    return any(path.exists() and path.read_text().strip() in ("1", "Y") for path in nested)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
