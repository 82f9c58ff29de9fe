"""A trial start by a real libvirtd over a real sshd; what starts is a boot sector that talks, in software emulation."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from p2v import target_trial
from p2v.cli import main
from p2v.target.libvirt import LibvirtDelivery, _pool_of_files
from p2v.target.libvirt_trial import _await_connected
from p2v.target.model import Storage
from p2v.target.virsh import Virsh
from p2v.vm.console import Look
from tests.p2v.target.boot_sector import talking_disk
from tests.p2v.target.libvirtd import Libvirtd
from tests.p2v.target.sshd import ROOT, Sshd
from xeninstall.base.errors import UsageError
from xeninstall.base.run import talk

pytestmark = pytest.mark.root
WHOLE = ["vm-disk0.qcow2"]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Libvirtd]:
    with tempfile.TemporaryDirectory(prefix="p2v-libvirt-") as folder:
        started = Libvirtd(Path(folder))
        yield started
        started.stop()


@pytest.fixture
def libvirt(daemon: Libvirtd) -> Libvirtd:
    daemon.clear()
    return daemon


@pytest.fixture
def sshd(libvirt: Libvirtd, tmp_path: Path) -> Iterator[Sshd]:
    started = Sshd(tmp_path / "ssh", [str(libvirt.script)], terminal=True)
    yield started
    started.stop()


def words(sshd: Sshd, disk: Path, *more: str) -> list[str]:
    to = f"libvirt+ssh://127.0.0.1:{sshd.port}?connect=qemu:///session"
    return ["convert", str(disk), "--to", to, *sshd.options, "--name", "vm", "--no-verify", "--trial", *more]


def machines(libvirt: Libvirtd) -> list[str]:
    return libvirt.virsh("list", "--all", "--name").stdout.split()


def files(libvirt: Libvirtd) -> list[str]:
    return sorted(path.name for path in (libvirt.folder / "pool").iterdir())


def await_(what: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.2)


def is_whole(libvirt: Libvirtd, disk: Path) -> None:
    """The machine is there and off, as it was sent, and nothing besides."""
    assert machines(libvirt) == ["vm"] and files(libvirt) == WHOLE
    assert libvirt.virsh("domstate", "vm").stdout.strip() == "shut off"
    image = libvirt.folder / "pool" / WHOLE[0]
    subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", disk, image], check=True, capture_output=True)


def test_it_is_converted_when_a_twin_asks_for_a_login(
    libvirt: Libvirtd, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    defined: list[str] = []
    define = Virsh.define
    monkeypatch.setattr(Virsh, "define", lambda virsh, xml: defined.append(xml) or define(virsh, xml))  # type: ignore[func-returns-value]
    disk = talking_disk(tmp_path / "old.img", "Loading Linux ...\r\n\r\nDebian GNU/Linux 13 old ttyS0\r\n\r\nold login: ")
    assert main(words(sshd, disk)) == 0
    assert "vm was up after" in capsys.readouterr().err
    own, twin = defined
    assert "<name>p2v-trial-" in twin and "<interface" not in twin and "<uuid>" in own and "<uuid>" not in twin
    is_whole(libvirt, disk)


def test_one_that_ends_by_itself_stays_defined_and_is_not_started(
    libvirt: Libvirtd, sshd: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = talking_disk(tmp_path / "old.img", "GRUB\x1b]0;owned\x07 loading.\r\n", then="end")
    assert main(words(sshd, disk, "--start")) == 1
    said = capsys.readouterr().err
    assert "vm does not start: it ended by itself; its console says last: GRUB loading." in said and "\x1b" not in said
    assert "complete there and stays: mend the cause, then start it with: virsh -c qemu:///session start vm" in said
    is_whole(libvirt, disk)


def test_what_virsh_says_is_not_the_words_of_the_machine() -> None:
    said = r"""printf 'Connected\r\nEscape character is'; sleep 0.3; printf ' ^] (Ctrl + ])\r\n'; sleep 0.3; printf GRUB"""
    console = talk(["sh", "-c", said])
    _await_connected(console, cast("Virsh", None))
    assert os.read(console.reads, 4096) == b"GRUB"
    console.close()


def test_one_that_never_asks_is_not_called_converted_but_its_marker_counts(
    libvirt: Libvirtd, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(target_trial, "PATIENCE_SECONDS", 5.0)
    disk = talking_disk(tmp_path / "old.img", "appliance ready\r\n")
    assert main(words(sshd, disk)) == 1
    assert "vm does not start: it did not ask for a login in time; its console says last: " in capsys.readouterr().err
    is_whole(libvirt, disk)
    libvirt.clear()
    monkeypatch.setattr(target_trial, "PATIENCE_SECONDS", 120.0)
    assert main(words(sshd, disk, "--marker", "appliance ready", "--start")) == 0
    assert machines(libvirt) == ["vm"] and files(libvirt) == WHOLE
    assert libvirt.virsh("domstate", "vm").stdout.strip() == "running"


def test_a_lost_connection_leaves_the_machine_and_nothing_of_its_twin(
    libvirt: Libvirtd, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    look = LibvirtDelivery.look

    def and_lose(delivery: LibvirtDelivery) -> Look:
        sshd.stop()
        return look(delivery)

    monkeypatch.setattr(LibvirtDelivery, "look", and_lose)
    disk = talking_disk(tmp_path / "old.img", "still starting\r\n")
    assert main(words(sshd, disk)) == 1
    said = capsys.readouterr().err
    assert "something of the trial start could not be removed there: p2v-trial-" in said and "-disk0.qcow2 may be left" in said
    assert "no connection to 127.0.0.1" in said
    assert "vm is complete there and stays; its trial was not finished: start it with: virsh" in said
    await_(lambda: machines(libvirt) == ["vm"] and files(libvirt) == WHOLE)
    is_whole(libvirt, disk)


def test_killed_it_leaves_nothing_of_the_twin(libvirt: Libvirtd, sshd: Sshd, tmp_path: Path) -> None:
    disk = talking_disk(tmp_path / "old.img", "still starting\r\n")
    argv = [sys.executable, "-m", "p2v", *words(sshd, disk)]
    first = subprocess.Popen(argv, stderr=subprocess.DEVNULL, cwd=ROOT, env=dict(os.environ))
    await_(lambda: any(name.startswith("p2v-trial-") for name in libvirt.virsh("list", "--name").stdout.split()))
    first.kill()
    first.communicate()
    sshd.cut()  # as the system does, when nobody answers any more
    await_(lambda: machines(libvirt) == ["vm"] and files(libvirt) == WHOLE)
    is_whole(libvirt, disk)


def test_a_host_that_gives_no_terminal_is_told(libvirt: Libvirtd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strict = Sshd(tmp_path / "strict", [str(libvirt.script)])
    disk = talking_disk(tmp_path / "old.img", "old login: ")
    try:
        assert main(words(strict, disk)) == 1
    finally:
        strict.stop()
    said = capsys.readouterr().err
    assert "vm cannot be started for a trial: " in said and "PTY allocation request failed" in said and "restrict,pty" in said
    is_whole(libvirt, disk)


def test_what_it_writes_goes_into_a_pool_of_files() -> None:
    volumes, folder, usual = (
        Storage("vg", "logical", None, None),
        Storage("b", "dir", None, None),
        Storage("a", "fs", None, None, True),
    )
    assert _pool_of_files(folder, [volumes, folder, usual], "host") == "b"
    assert _pool_of_files(volumes, [volumes, folder, usual], "host") == "a"
    with pytest.raises(UsageError, match="needs a pool of files"):
        _pool_of_files(volumes, [volumes], "host")
