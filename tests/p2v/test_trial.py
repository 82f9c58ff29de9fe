"""A trial start in QEMU ends at the login, at what nothing comes after, or in time."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from p2v.trial import qemu_arguments, trial_of_folder
from p2v.vm.console import TrialError
from p2v.vm.model import DiskImage, VirtualMachine
from xeninstall.base.errors import RequirementError, Stopped
from xeninstall.base.events import Event
from xeninstall.base.run import Completed, Process, SystemRunner

VM = VirtualMachine("old", cores=2, memory_bytes=1 << 30, disks=(DiskImage("/srv/a,b.qcow2", "qcow2"),))


def test_the_machine_is_without_a_network_and_its_disks_stay_as_they_are(tmp_path: Path) -> None:
    argv = qemu_arguments(VM, tmp_path, tmp_path / "console", kvm=False)
    assert argv[argv.index("-nic") + 1] == "none" and "-netdev" not in argv
    assert "file=/srv/a,,b.qcow2,format=qcow2,if=ide,snapshot=on,cache=unsafe" in argv and "q35" in argv
    virtio = qemu_arguments(replace(VM, virtio_disks=True), tmp_path, tmp_path / "console", kvm=False)
    assert "file=/srv/a,,b.qcow2,format=qcow2,if=virtio,snapshot=on,cache=unsafe" in virtio
    assert "pc" in qemu_arguments(replace(VM, ahci=False), tmp_path, tmp_path / "console", kvm=False)


class Played:
    """A Runner whose QEMU says something on the console, and goes on or ends."""

    def __init__(self, says: str, ended: Completed | None = None) -> None:
        self.says, self.ended, self.stopped = says, ended, False

    def run(self, argv: object, **_: object) -> Completed:
        return Completed((), 1, "", "")

    def start(self, argv: list[str], **_: object) -> Process:
        place = next(word for word in argv if word.startswith("file:")).removeprefix("file:")
        Path(place).write_text(self.says)
        return self

    def poll(self) -> int | None:
        return None

    def wait_for(self, seconds: float) -> Completed | None:
        return self.ended

    def stop(self) -> None:
        self.stopped = True


def tried(runner: Played, stop: threading.Event | None = None, vm: VirtualMachine = VM) -> tuple[str, list[Event]]:
    events: list[Event] = []
    said = trial_of_folder(vm, runner, events.append, stop or threading.Event(), patience_seconds=0.05)  # type: ignore[arg-type]
    return said, events


def test_it_is_ended_when_it_asks_for_a_login() -> None:
    runner = Played("old login: ")
    said, events = tried(runner)
    assert said.startswith("up after") and runner.stopped and len(events) == 2


@pytest.mark.parametrize(
    ("runner", "why"),
    [
        (Played("x\n(initramfs) "), "it stopped while starting; its console says last: x | \\(initramfs\\)"),
        (Played("Loading Linux"), "it did not ask for a login in time; its console says last: Loading Linux"),
        (Played("", Completed((), 1, "", "no such file")), "QEMU ended: no such file; its console says last: nothing"),
    ],
)
def test_what_does_not_come_up_is_ended_and_told(runner: Played, why: str) -> None:
    with pytest.raises(TrialError, match=f"old does not start: {why}"):
        tried(runner)
    assert runner.stopped


def test_it_can_be_stopped_and_windows_is_not_judged() -> None:
    stop, runner = threading.Event(), Played("")
    stop.set()
    with pytest.raises(Stopped):
        trial_of_folder(VM, runner, lambda event: None, stop)  # type: ignore[arg-type]
    assert runner.stopped
    with pytest.raises(RequirementError, match="of Windows"):
        tried(Played(""), vm=VirtualMachine("w", windows=True))


def test_a_disk_without_a_system_does_not_start_in_a_real_qemu(tmp_path: Path) -> None:
    disk = tmp_path / "empty.img"
    disk.write_bytes(bytes(1 << 20))
    vm = VirtualMachine("empty", cores=1, memory_bytes=512 << 20, disks=(DiskImage(str(disk)),))
    with pytest.raises(TrialError, match="empty does not start"):
        trial_of_folder(vm, SystemRunner(), lambda event: None, threading.Event(), patience_seconds=15)
    assert disk.read_bytes() == bytes(1 << 20)
