"""The power fails at five moments of an installation by the medium; each time it is started again, says what it found, and goes
on or starts over as the kernel's words want it. What comes out starts.

The answers are named on the kernel's command line: a label, a file, and in the end a URL. The first start is under enforced
Secure Boot.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from iso.medium.make import ISO
from iso.medium.remaster import remaster
from tests.servers import Answer, Server, serving
from xeninstall.apply.records import ANSWERS_ON_ESP
from xeninstall.base.run import SystemRunner

from . import old_disks
from .answer_files import STATIC, answers
from .conftest import PASSWORD
from .console import LOGIN_SECONDS
from .health import is_the_host
from .medium import BOOT_SECONDS, INSTALL_SECONDS, MEMORY_MIB, built, kernel_of_medium, start, stick
from .qemu import Disk, Machine, UserNet
from .workshop import blank

pytestmark = [pytest.mark.vm, pytest.mark.root]

ANSWERS = answers(disk='serial = "CUT"', rest=f"{STATIC}\n[hardware]\naccept_secure_boot = true\n")
_LABEL = "xeninstall.answers=LABEL=FLEET:/one.toml"
_FILE = "/run/live/medium/xeninstall/answers.toml"
_FOUND = "Found an interrupted installation"


@dataclass(frozen=True)
class Bench:
    """The parts of one computer, and the server that is told how far it is."""

    medium: Path
    target: Disk
    others: Disk
    answers: Path
    hook: Server

    @contextmanager
    def started(self, words: str, firmware: str = "", name: str = "") -> Iterator[Machine]:
        """The medium in the CD drive. By its own menu where a firmware is named; else its kernel is started by QEMU, sooner, and
        the disks have changed places, and so their names.
        """
        self.hook.asked.clear()
        words += f" xeninstall.webhook=http://192.0.2.1:{self.hook.server_address[1]}/told"
        disks = [self.target, self.others] if firmware else [self.others, self.target]
        drives = [Disk(self.medium, bus="cd", readonly=True), *disks, Disk(self.answers, bus="usb", readonly=True)]
        with Machine(
            drives,
            firmware=firmware or "uefi",
            nics=[UserNet(reaches_us=True)],
            memory_mib=MEMORY_MIB,
            direct=None if firmware else kernel_of_medium(self.answers.parent, words),
            name=f"cut-{name}",
        ) as machine:
            if firmware:
                start(machine.console, words)
            yield machine

    def events(self) -> list[dict[str, object]]:
        """What the server was told since the start."""
        return [json.loads(asked.body) for asked in list(self.hook.asked)]

    def cut_in(self, machine: Machine, stage: str, written_bytes: int = 0) -> None:
        """Pull the plug as soon as the stage has begun, and the disk has taken so much more."""
        _until(lambda: any(event.get("stage") == stage for event in self.events()), machine, INSTALL_SECONDS)
        before = _taken(self.target.path)
        _until(lambda: _taken(self.target.path) >= before + written_bytes, machine, INSTALL_SECONDS)
        machine.kill()

    def kept(self) -> str:
        """The answers that the disk's ESP keeps for whoever goes on; empty when there are none."""
        esp = f"{self.target.path}@@{2 * 2**20}"
        read = ["mcopy", "-n", "-i", esp, f"::/{ANSWERS_ON_ESP}", "-"]
        return subprocess.run(read, capture_output=True, text=True, check=False).stdout

    def skipped(self) -> list[object]:
        """The stages that an earlier run had finished."""
        return [event["stage"] for event in self.events() if event["event"] == "StageFinished" and event["skipped"]]


def _taken(path: Path) -> int:
    return path.stat().st_blocks * 512


def _until(holds: Callable[[], bool], machine: Machine, seconds: float) -> None:
    """Wait, while what the machine says is heard."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert machine.running() and time.monotonic() < deadline, machine.console.said[-3000:]
        machine.console.listen(1)


def test_five_power_cuts_and_what_the_medium_says_of_each(tmp_path: Path) -> None:
    others = old_disks.of_somebody(tmp_path / "others")
    theirs = old_disks.digest(others)
    target = Disk(blank(tmp_path / "target.img", 12 * 2**30), bus="ahci", serial="CUT", snapshot=False)
    fleet_stick = stick(tmp_path / "stick.img", "FLEET", {"one.toml": ANSWERS})
    (tmp_path / "one.toml").write_text(ANSWERS)
    medium = tmp_path / "medium.iso"
    remaster(built(ISO), tmp_path / "one.toml", medium, SystemRunner())
    with serving() as hook, serving(Answer(body=ANSWERS.encode())) as fleet:
        bench = Bench(medium, target, Disk(others, bus="ahci", serial="OTHERS", snapshot=False), fleet_stick, hook)
        with bench.started(_LABEL, firmware="secure", name="partitioning") as machine:
            machine.console.expect(r"Answers: FLEET:/one\.toml", BOOT_SECONDS)
            machine.console.expect("Secure Boot is enforced", 60)
            bench.cut_in(machine, "partition")
        with bench.started(_LABEL, name="unpacking") as machine:  # nothing was there yet that could be gone on with
            machine.console.expect(r"Answers: FLEET:/one\.toml", BOOT_SECONDS)
            bench.cut_in(machine, "unpack", 200 * 2**20)
            assert bench.skipped() == []
        kept = bench.kept()
        assert 'serial = "CUT"' in kept and "$6$" not in kept and "$y$" not in kept, "nobody's password lies on a boot partition"
        with bench.started(_LABEL, name="configuring") as machine:
            machine.console.expect(_FOUND, BOOT_SECONDS)
            machine.console.expect("Going on after the stages prepare, partition, filesystems", 60)
            bench.cut_in(machine, "configure")
            assert "filesystems" in bench.skipped() and "unpack" not in bench.skipped()
        with bench.started(f"xeninstall.answers={_FILE} xeninstall.resume=restart", name="starting-over") as machine:
            machine.console.expect(f"Answers: {_FILE}", BOOT_SECONDS)
            machine.console.expect(_FOUND, 120)
            machine.console.expect("Starting from the beginning", 60)
            bench.cut_in(machine, "unpack", 50 * 2**20)
            assert bench.skipped() == []
        with bench.started(f"{_LABEL} xeninstall.resume=ask", name="asked") as machine:
            machine.console.expect("1  Go on with it", BOOT_SECONDS)
            machine.console.send("1")
            bench.cut_in(machine, "boot", 2**20)
            assert "filesystems" in bench.skipped() and "unpack" not in bench.skipped()
        by_url = f"xeninstall.answers=http://192.0.2.1:{fleet.server_address[1]}/one.toml"
        with bench.started(by_url, firmware="uefi", name="last") as machine:
            machine.console.expect("Answers: http://192", BOOT_SECONDS)
            machine.console.expect(_FOUND, 120)
            machine.console.expect("The host is installed", INSTALL_SECONDS)
            machine.wait(300)
        assert {"unpack", "configure"} <= set(bench.skipped())
        assert bench.events()[-1]["event"] == "Finished" and bench.kept() == ""
    assert old_disks.digest(others) == theirs
    with Machine([target], firmware="uefi", name="cut-host") as machine:
        machine.console.login("root", PASSWORD, LOGIN_SECONDS)
        is_the_host(machine.console, "matrix.example.org", "192.0.2.10/24")
