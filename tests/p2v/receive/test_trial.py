"""The twin of a trial start on thin volumes, as recorded commands: the kernel of the tests' machine may have no device-mapper."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from p2v.receive import trial
from p2v.receive.incoming import Incoming, IncomingDisk
from p2v.receive.trial import begin, remove_left
from p2v.sink.model import TargetError
from p2v.vm.console import Seen
from p2v.vm.model import Mode, Nic, VirtualMachine
from p2v.vm.twin import MOST_MEMORY_BYTES, MOST_VCPUS
from xeninstall.base.run import Channel, CommandError, Completed, Process, talk

VM = VirtualMachine("vm", cores=24, memory_bytes=1 << 40, uuid="1-2-3", nics=(Nic("52:54:00:00:00:01"),))


class Commands:
    """Remembers; those that begin with one of `failing` fail."""

    def __init__(self, *failing: str) -> None:
        self.failing, self.seen = list(failing), list[str]()

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        line = " ".join(argv)
        self.seen.append(line)
        status = 5 if any(line.startswith(beginning) for beginning in self.failing) else 0
        if check and status:
            raise CommandError(argv, status, "refused")
        return Completed(tuple(argv), status, "", "")

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        raise NotImplementedError(argv[0])


@pytest.fixture
def incoming(tmp_path: Path) -> Incoming:
    disks = tuple(IncomingDisk(1 << 30, 1, f"/dev/vg/vm-disk{number}", f"vg/vm-disk{number}") for number in (0, 1))
    return Incoming(tmp_path, "vm", "token", "vg/pool", disks)


@pytest.fixture(autouse=True)
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What consoles say, one after the other."""
    says: list[str] = []

    def listen(_: str) -> Channel:
        return talk(["/bin/sh", "-c", says.pop(0)])

    monkeypatch.setattr(trial, "_console", listen)
    yield says


def test_it_runs_on_snapshots_that_are_removed(incoming: Incoming, console: list[str]) -> None:
    console.append("echo old login:; exec sleep 60")
    commands = Commands()
    running = begin(VM, Mode.PV, incoming, "", commands)
    config = (incoming.folder / "trial.cfg").read_text()
    assert running.look().seen is Seen.LOGIN
    twin = next(line for line in commands.seen if line.startswith("xl unpause")).split()[-1]
    own = twin.removeprefix("p2v-")
    active = "--setactivationskip n --activate y"
    assert commands.seen[0] == f"lvcreate --yes --snapshot {active} --name vm-disk0-{own} vg/vm-disk0"
    assert f"target=/dev/vg/vm-disk0-{own}" in config and f"target=/dev/vg/vm-disk1-{own}" in config
    assert f"vcpus = {MOST_VCPUS}\nmemory = {MOST_MEMORY_BYTES >> 20}\n" in config
    assert "uuid" not in config and "mac=" not in config
    running.end()
    after = commands.seen[commands.seen.index(f"xl unpause {twin}") + 1 :]
    assert after[0] == f"xl destroy {twin}" and f"lvremove --yes vg/vm-disk1-{own}" in after
    assert list(incoming.folder.iterdir()) == []


@pytest.mark.parametrize("failing", ["lvcreate", "xl create", "xl unpause"])
def test_what_cannot_be_made_leaves_nothing(incoming: Incoming, console: list[str], failing: str) -> None:
    console.append("exec sleep 60")
    commands = Commands(failing)
    with pytest.raises(TargetError, match="vm cannot be started for a trial: refused"):
        begin(VM, Mode.PV, incoming, "", commands)
    assert list(incoming.folder.iterdir()) == [] and commands.seen[-1].startswith("lvremove")


def test_a_volume_that_xen_holds_is_removed_a_moment_later(
    incoming: Incoming, console: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console.append("exec sleep 60")
    commands, waits = Commands(), list[float]()
    running = begin(VM, Mode.PV, incoming, "", commands)
    commands.failing.append("lvremove")

    def wait(seconds: float) -> None:
        if seconds >= 1:  # shorter ones are Python's own, for the end of a process
            waits.append(seconds)
            commands.failing.clear()

    monkeypatch.setattr("time.sleep", wait)
    running.end()
    assert waits == [1] and list(incoming.folder.iterdir()) == []


def test_a_note_that_is_none_removes_nothing(tmp_path: Path) -> None:
    commands = Commands()
    for text in ("", "[]", '{"domain": "x"}', "nonsense"):
        (tmp_path / "trial.json").write_text(text)
        remove_left(tmp_path, commands)
    assert commands.seen == [] and not os.listdir(tmp_path)
