"""A trial start on a host: through a real sshd to `p2v receive` and a strict stand-in for `xl`, since Xen cannot run here."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from p2v import target_trial
from p2v.cli import main
from p2v.preflight import Severity
from p2v.to_host import conversion_to
from tests.p2v.disks import sha
from tests.p2v.guest.real_disks import gpt
from tests.p2v.guest.windows.systems import make_volume
from tests.p2v.target.sshd import ROOT, Sshd
from tests.p2v.target.xl_double import Xl
from tests.p2v.vm.machines import recorded
from xeninstall.answers.model import Convert
from xeninstall.base.events import Event
from xeninstall.base.run import SystemRunner

LOGIN = "Loading Linux ...\r\n[    1.0] Xen: yes\r\n\r\nDebian GNU/Linux 12 old hvc0\r\n\r\nold login: "
MACHINE = Path(__file__).parents[2] / "data" / "machines" / "bios-two-disks.json"


@pytest.fixture
def send(send_to_xen: Callable[..., int]) -> Callable[..., int]:
    return lambda *more: send_to_xen("--trial", *more)


def left(tmp_path: Path) -> list[str]:
    """All that lies on the host."""
    folders = [tmp_path / name for name in ("images", "configs", "state")]
    return sorted(str(path.relative_to(tmp_path)) for folder in folders for path in folder.rglob("*"))


WHOLE = ["configs/vm.cfg", "images/vm-disk0.img"]


def test_it_is_converted_when_a_twin_without_a_network_asks_for_a_login(
    send: Callable[..., int], xl: Xl, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xl.plays(LOGIN)
    assert send() == 0
    assert "vm was up after" in capsys.readouterr().err
    twin, own = xl.config(0), (tmp_path / "configs/vm.cfg").read_text()
    assert "vif = [\n]" in twin and "mac=" in own, "the twin has no card, the machine has its own"
    name = xl.calls[1][1]
    assert name.startswith("p2v-trial-") and f'name = "{name}"' in twin and "uuid" not in twin
    assert f"format=qcow2, vdev=xvda, access=rw, target={tmp_path}/images/.vm-disk0.img.{name.removeprefix('p2v-')}" in twin
    assert sorted(call[0] for call in xl.calls) == ["console", "create", "destroy", "unpause"]
    assert xl.domains == [] and left(tmp_path) == WHOLE, "of the trial nothing stays"
    assert sha(tmp_path / "images/vm-disk0.img") == sha(small)


def test_it_is_started_for_good_only_after_its_trial(send: Callable[..., int], xl: Xl, tmp_path: Path) -> None:
    xl.plays(LOGIN)
    assert send("--start") == 0
    assert xl.domains == ["vm"] and xl.calls[-1] == ["create", f"{tmp_path}/configs/vm.cfg"]
    assert [call[0] for call in xl.calls].index("destroy") < len(xl.calls) - 1


@pytest.mark.parametrize(
    ("says", "then", "why"),
    [
        (
            ("one\r\n[ 1.0] Kernel panic - not syncing\r\n",),
            "stay",
            "it stopped while starting; its console says last: one | ",
        ),
        (("GRUB loading.\r\n",), "end", "it ended by itself; its console says last: GRUB loading."),
        (("starting\r\n",), "restart", "it starts again and again; its console says last: starting | starting"),
        (("\x1b]0;owned\x07Loading\r\n",), "stay", "it did not ask for a login in time; its console says last: Loading"),
    ],
)
def test_what_does_not_come_up_stays_defined_and_is_not_started(
    send: Callable[..., int],
    xl: Xl,
    small: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    says: tuple[str, ...],
    then: str,
    why: str,
) -> None:
    seconds = 3.0 if then == "stay" else 60.0
    monkeypatch.setattr(target_trial, "PATIENCE_SECONDS", seconds)
    xl.plays(*says, then=then)
    assert send("--start") == 1
    said = capsys.readouterr().err
    assert f"vm does not start: {why}" in said and "\x1b" not in said
    assert f"complete there and stays: mend the cause, then start it with: xl create {tmp_path}/configs/vm.cfg" in said
    assert xl.domains == [] and left(tmp_path) == WHOLE and sha(tmp_path / "images/vm-disk0.img") == sha(small)
    assert not [call for call in xl.calls if call == ["create", f"{tmp_path}/configs/vm.cfg"]]


def test_a_system_may_restart_once_while_it_starts(send: Callable[..., int], xl: Xl) -> None:
    """As one whose files SELinux labels anew."""
    xl.plays("Relabeling\r\nReboot\r\n", LOGIN)
    assert send() == 0
    assert [call[0] for call in xl.calls].count("console") == 2


def test_a_marker_means_up_too(send: Callable[..., int], xl: Xl) -> None:
    xl.plays("appliance ready\r\n")
    assert send("--marker", "appliance ready") == 0


def test_a_console_that_never_stops_talking_is_borne(
    send: Callable[..., int], xl: Xl, capsys: pytest.CaptureFixture[str]
) -> None:
    xl.plays("x" * 3_000_000 + "\r\n" + LOGIN)
    assert send() == 0
    xl.plays("hunter2\r\n" * 400_000 + "root password: hunter3\r\nhunter4\r\n[ 9.9] Kernel panic - not syncing: no\r\n")
    assert send("--discard", "--name", "other") == 1
    said = capsys.readouterr().err
    assert len(said) < 4000 and "hunter3" not in said and "hunter4" not in said and "withheld" in said


def test_a_machine_that_xl_refuses_is_told_in_its_words(
    send: Callable[..., int], xl: Xl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xl.plays(create="not enough memory")
    assert send() == 1
    assert "vm cannot be started for a trial: libxl: error: not enough memory" in capsys.readouterr().err
    assert left(tmp_path) == WHOLE


def test_what_a_lost_receiver_left_is_removed_by_the_next(
    xen: Sshd, xl: Xl, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xl.plays("still starting\r\n")
    argv = ["convert", str(small), "--to", xen.to, *xen.options, "--name", "vm", "--trial"]
    first = subprocess.Popen([sys.executable, "-m", "p2v", *argv], text=True, stderr=subprocess.PIPE, cwd=ROOT)
    until = time.monotonic() + 60
    while not [call for call in xl.calls if call[0] == "console"]:
        assert time.monotonic() < until and first.poll() is None
        time.sleep(0.1)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"receive" in words and f"{tmp_path}/state".encode() in words and b"-c" in words:
            subprocess.run(["kill", "-9", path.parent.name], check=False)  # these are our own receivers
    said = first.communicate(timeout=60)[1]
    assert first.returncode == 4 and "--resume" in said, said
    (twin,) = xl.domains
    assert any(twin.removeprefix("p2v-") in name for name in left(tmp_path))
    xl.plays(LOGIN)
    assert main([*argv, "--resume"]) == 0
    assert ["destroy", twin] in xl.calls and xl.domains == [] and left(tmp_path) == WHOLE


def test_hanging_up_ends_it(xen: Sshd, xl: Xl, small: Path, tmp_path: Path) -> None:
    xl.plays("still starting\r\n")
    argv = [sys.executable, "-m", "p2v", "convert", str(small), "--to", xen.to, *xen.options, "--name", "vm", "--trial"]
    first = subprocess.Popen(argv, text=True, stderr=subprocess.PIPE, cwd=ROOT)
    until = time.monotonic() + 60
    while not [call for call in xl.calls if call[0] == "console"]:
        assert time.monotonic() < until and first.poll() is None
        time.sleep(0.1)
    first.kill()
    first.communicate()
    while xl.domains:
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("caps", "more", "code", "message"),
    [
        ("", [], 1, "runs no virtual machines"),
        ("xen-3.0-x86_64", ["--mode", "hvm"], 2, "runs no hvm machines"),
    ],
)
def test_a_host_that_cannot_is_told_before_anything_is_sent(
    xen: Sshd, xl: Xl, send: Callable[..., int], tmp_path: Path, caps: str, more: list[str], code: int, message: str
) -> None:
    del xen
    (xl.folder / "caps").write_text(caps)
    if not caps:
        (xl.folder / "xl").write_text("#!/bin/sh\nexit 1\n")
    assert send(*more) in (code, 1)
    assert left(tmp_path) == []


def test_windows_goes_to_no_host_without_hvm(xen: Sshd, xl: Xl, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk = tmp_path / "windows.img"
    gpt(disk, [("L", make_volume(tmp_path / "volume", "win7"))])
    words = [
        "convert",
        str(disk),
        "--repair",
        "--to",
        xen.to,
        *xen.options,
        "--name",
        "vm",
        "--scratch",
        str(tmp_path / "scratch"),
    ]
    (xl.folder / "caps").write_text("xen-3.0-x86_64")
    assert main(words) == 1
    assert "runs no hvm machines, and Windows runs as nothing else" in capsys.readouterr().err
    (xl.folder / "caps").write_text("xen-3.0-x86_64 hvm-3.0-x86_64")
    assert main([*words, "--mode", "pv"]) == 2
    assert "Windows cannot run as PV\n" in capsys.readouterr().err
    assert left(tmp_path) == []
    assert main(words) == 0
    assert 'type = "hvm"' in (tmp_path / "configs/vm.cfg").read_text()


def test_other_targets_and_options_are_refused(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(small), "--to", "nbd://127.0.0.1/x", "--trial"]) == 2
    assert "starts no machine for a trial" in capsys.readouterr().err
    assert main(["convert", str(small), "--to", "ssh://127.0.0.1:1", "--marker", "up"]) == 2
    assert "--marker says when a trial start is over" in capsys.readouterr().err


def test_answers_ask_for_it_too(xen: Sshd, xl: Xl, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from p2v import to_host

    monkeypatch.setattr(to_host, "SCRATCH", tmp_path / "scratch")
    xl.plays(LOGIN)
    values: dict[str, object] = {"name": "vm", "target": xen.to, "host_key": xen.fingerprint, "identity": str(xen.key)}
    values |= {"source": ({"path": str(small)},), "test_boot": True, "mode": "pv", "repair": False, "memory": "1G"}
    job = conversion_to(Convert.model_validate(values), recorded("nvme"), SystemRunner())
    assert not [one for one in job.preflight().findings if one.severity is Severity.REFUSED]
    told: list[Event] = []
    facts = job.perform(told.append, threading.Event())
    assert facts["trial start"].startswith("up after ") and "trial" in job.stages()
    assert 'type = "pv"' in xl.config(0) and 'type = "pv"' in (tmp_path / "configs/vm.cfg").read_text()
    (xl.folder / "caps").write_text("xen-3.0-x86_64")
    refused = conversion_to(Convert.model_validate(values | {"name": "b", "mode": "pvh"}), recorded("nvme"), SystemRunner())
    assert any("it runs no pvh machines" in one.text for one in refused.preflight().findings)
