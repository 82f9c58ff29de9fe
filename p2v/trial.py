"""A trial start: the virtual machine is started once, without a network, and watched until it asks for a login.

For images in a folder QEMU starts it here, and what it writes is thrown away. That the old machine goes on running in the same
network is why there is none: two machines with one address would disturb each other.
"""

import os
import re
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Event as Signal

from xeninstall.base.errors import RequirementError, Stopped
from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Process, Runner
from xeninstall.base.sizes import format_duration

from .image.table import FORMATS
from .vm.console import Seen, TrialError, judged, last_words
from .vm.model import VirtualMachine

PROGRAM = "qemu-system-x86_64"
_FORMATS = ("raw", "qcow2", "vpc", "vmdk", "vdi", "vhdx")
_PATIENCE_SECONDS = 900.0  # without hardware virtualization a system takes minutes
_LOOK_SECONDS = 0.5
_LEAST_MIB, _MOST_MIB = 512, 4096
_OVMF = Path("/usr/share/OVMF")


def check_able(form: str) -> None:
    """Whether QEMU is here and starts a machine from images of this format, by its name in FORMATS. Raises RequirementError."""
    known = FORMATS[form]
    if known.holds_many or known.qemu_driver not in _FORMATS:
        raise RequirementError(f"QEMU starts no machine from {form}", hint="leave convert.test_boot out, or choose raw or qcow2")
    if shutil.which(PROGRAM) is None:
        hint = "install the package qemu-system-x86; the medium has none: leave convert.test_boot out there"
        raise RequirementError(f"{PROGRAM} is missing", hint=hint)


def trial_of_folder(
    vm: VirtualMachine, runner: Runner, emit: Emit, stop: Signal, *, marker: str = "", patience_seconds: float = _PATIENCE_SECONDS
) -> str:
    """Start it in QEMU; returns how long it took, in words. Raises TrialError, RequirementError, Stopped."""
    if vm.windows:
        raise RequirementError(
            "a trial start cannot tell of Windows whether it came up: it says nothing on a serial line",
            hint="start the machine by hand and look at its screen; its images are complete",
        )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="p2v-trial-")))
        console = folder / "console"
        console.touch()
        fast = has_kvm(runner)
        emit(Note(f"starting {vm.name} in QEMU, without a network" + ("" if fast else "; without KVM it takes minutes")))
        began = time.monotonic()
        process = runner.start(qemu_arguments(vm, folder, console, kvm=fast))
        try:
            _await_login(vm, process, console, marker, stop, began + patience_seconds)
        finally:
            process.stop()
        took = format_duration(time.monotonic() - began)
        emit(Note(f"{vm.name} was up after {took}"))
        return f"up after {took}"


def _await_login(vm: VirtualMachine, process: Process, console: Path, marker: str, stop: Signal, until: float) -> None:
    while True:
        said = console.read_bytes()[-(1 << 20) :].decode("utf-8", "replace")
        match judged(said, marker):
            case Seen.LOGIN:
                return
            case Seen.DEAD:
                why = "it stopped while starting"
            case _ if (ended := process.wait_for(_LOOK_SECONDS)) is not None:
                why = f"QEMU ended: {ended.stderr.strip()[-300:] or 'it said nothing'}"
            case _ if time.monotonic() > until:
                why = "it did not ask for a login in time"
            case _ if stop.is_set():
                raise Stopped("the trial start was stopped", hint="the images are complete; go on with the same command")
            case _:
                continue
        raise TrialError(
            f"{vm.name} does not start: {why}; its console says last: {last_words(said)}",
            hint="the images are complete but not to be relied on: look at the report of repairs beside them",
        )


def has_kvm(runner: Runner) -> bool:
    """Whether a machine really starts on it: a /dev/kvm that is there may still hang QEMU."""
    if not os.access("/dev/kvm", os.W_OK) or not re.search(r"\b(vmx|svm)\b", Path("/proc/cpuinfo").read_text()):
        return False
    argv = [PROGRAM, "-accel", "kvm", "-machine", "q35", "-m", "64", "-display", "none", "-S", "-monitor", "stdio"]
    return runner.run(["timeout", "5", *argv], stdin=b"quit\n", check=False).status == 0


def qemu_arguments(vm: VirtualMachine, folder: Path, console: Path, *, kvm: bool) -> list[str]:
    """The machine as QEMU starts it: its processors and memory as far as this machine has them, its disks unchanged after."""
    accelerator = ["-accel", "kvm", "-cpu", "host"] if kvm else ["-accel", "tcg,thread=multi", "-cpu", "max,-smap,-smep"]
    argv = [PROGRAM, "-name", "p2v-trial", *accelerator, "-machine", "q35" if vm.ahci else "pc"]
    argv += ["-smp", str(min(vm.vcpus, os.cpu_count() or 1)), "-m", str(_memory_mib(vm))]
    argv += ["-display", "none", "-vga", "none", "-monitor", "none", "-nic", "none", "-no-reboot"]
    argv += ["-serial", f"file:{console}"]
    if vm.local_time:
        argv += ["-rtc", "base=localtime"]
    if vm.uefi:
        variables = folder / "variables"
        _copy_variables(variables)
        argv += ["-drive", f"if=pflash,format=raw,readonly=on,file={_OVMF / 'OVMF_CODE_4M.fd'}"]
        argv += ["-drive", f"if=pflash,format=raw,file={variables}"]
    for disk in vm.disks:
        # `snapshot`: what the system writes while it starts goes into a file that nobody keeps.
        bus = "virtio" if vm.virtio_disks else "ide"  # of q35 that is AHCI
        argv += ["-drive", f"file={_quoted(disk.path)},format={disk.format},if={bus},snapshot=on,cache=unsafe"]
    return argv


def _memory_mib(vm: VirtualMachine) -> int:
    known = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(known["MemAvailable"].split()[0]) // 1024
    wanted = min(vm.memory_mib, _MOST_MIB, free // 2)
    if wanted < min(_LEAST_MIB, vm.memory_mib):
        raise RequirementError(
            f"a trial start needs {_LEAST_MIB} MiB, and this machine has {free} MiB left",
            hint="leave the trial start out, and start the machine on its host",
        )
    return wanted


def _copy_variables(to: Path) -> None:
    source = _OVMF / "OVMF_VARS_4M.fd"
    if not source.is_file():
        raise RequirementError("a trial start by UEFI needs its firmware for QEMU", hint="install the Debian package ovmf")
    shutil.copyfile(source, to)


def _quoted(path: str) -> str:
    return path.replace(",", ",,")
