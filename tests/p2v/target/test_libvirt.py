"""A machine to a real libvirtd with QEMU in software emulation, over a real sshd: volumes, a domain, a start."""

import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2v import sending
from p2v.cli import main
from p2v.target.libvirt import LibvirtDelivery, LibvirtSink
from p2v.target.model import Lost
from p2v.target.virsh import Virsh
from p2v.vm.model import Mode, VirtualMachine
from tests.p2v.disks import MIB, sparse
from tests.p2v.target.libvirtd import Libvirtd
from tests.p2v.target.sshd import Sshd

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Libvirtd, Sshd]]:
    # Not among pytest's own folders, which it shuts to everybody else, and with a path that is short enough for a socket.
    with tempfile.TemporaryDirectory(prefix="p2v-libvirt-") as folder:
        daemon = Libvirtd(Path(folder))
        sshd = Sshd(tmp_path_factory.mktemp("ssh"), [str(daemon.script)], terminal=True)
        yield daemon, sshd
        sshd.stop()
        daemon.stop()


@pytest.fixture
def libvirt(running: tuple[Libvirtd, Sshd], monkeypatch: pytest.MonkeyPatch) -> Libvirtd:
    monkeypatch.setattr(sending, "WAITS_SECONDS", (0.2,) * 10)
    running[0].clear()
    return running[0]


@pytest.fixture
def sshd(running: tuple[Libvirtd, Sshd]) -> Sshd:
    return running[1]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return sparse(tmp_path / "old.img", 40 * MIB, (0, 3, 4, 5, 6, 30), seed=11)


def send(sshd: Sshd, disk: Path, *more: str, pool: str = "") -> int:
    to = f"libvirt+ssh://127.0.0.1:{sshd.port}{pool}?connect=qemu:///session"
    return main(["convert", str(disk), "--to", to, *sshd.options, "--name", "old server", *more])


def compare(disk: Path, image: Path, form: str) -> None:
    subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", form, disk, image], check=True, capture_output=True)


def test_a_machine_is_stored_defined_and_started(
    libvirt: Libvirtd, sshd: Sshd, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(sshd, disk, "--start") == 0
    assert libvirt.virsh("domstate", "old server").stdout.strip() == "running"
    libvirt.virsh("destroy", "old server")
    compare(disk, libvirt.folder / "pool" / "old-server-disk0.qcow2", "qcow2")
    said = capsys.readouterr().err
    assert "127.0.0.1 has no KVM" in said and "its sha256 is the same there" in said


def test_raw_volumes_of_two_disks_in_another_pool(libvirt: Libvirtd, sshd: Sshd, disk: Path, tmp_path: Path) -> None:
    other = tmp_path / "second.img"
    other.write_bytes(random.Random(12).randbytes(2 * MIB))
    to = f"libvirt+ssh://127.0.0.1:{sshd.port}/other?connect=qemu:///session"
    assert main(["convert", str(disk), str(other), "--to", to, *sshd.options, "--name", "pair", "--format", "raw"]) == 0
    assert (libvirt.folder / "other" / "pair-disk0.img").read_bytes() == disk.read_bytes()
    assert (libvirt.folder / "other" / "pair-disk1.img").read_bytes() == other.read_bytes()
    xml = libvirt.virsh("dumpxml", "pair").stdout
    assert xml.index("pair-disk0.img") < xml.index("pair-disk1.img") and "type='raw'" in xml


def test_a_connection_that_breaks_begins_anew(
    libvirt: Libvirtd, sshd: Sshd, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut() -> None:
        image = libvirt.folder / "pool" / "old-server-disk0.qcow2"
        until = time.monotonic() + 180
        while (not image.exists() or image.stat().st_size < MIB) and time.monotonic() < until:
            time.sleep(0.05)
        sshd.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    assert send(sshd, disk, "--limit", "3M") == 0
    cutter.join()
    assert "trying again in" in capsys.readouterr().err
    compare(disk, libvirt.folder / "pool" / "old-server-disk0.qcow2", "qcow2")


def test_what_differs_afterwards_is_found_and_removed(
    libvirt: Libvirtd, sshd: Sshd, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finish = LibvirtSink.finish

    def and_damage(sink: LibvirtSink, length: int) -> None:
        finish(sink, length)
        with (libvirt.folder / "pool" / "old-server-disk0.qcow2").open("r+b") as file:
            file.seek(length // 2)
            byte = file.read(1)
            file.seek(length // 2)
            file.write(bytes([byte[0] ^ 1]))

    monkeypatch.setattr(LibvirtSink, "finish", and_damage)
    assert send(sshd, disk) == 1
    assert "is not what was sent" in capsys.readouterr().err
    assert not list((libvirt.folder / "pool").iterdir())
    assert libvirt.virsh("list", "--all", "--name").stdout.split() == []


@pytest.mark.parametrize(
    ("pool", "options", "code", "message"),
    [
        ("/none", [], 2, "127.0.0.1 has no storage 'none'"),
        ("", ["--format", "vhd"], 2, "takes no vhd"),
        ("", ["--resume"], 2, "libvirt keeps nothing of a stopped conversion"),
        ("", ["--mode", "pv"], 1, "127.0.0.1 runs no pv machines"),
        ("", ["--machine", str(Path(__file__).parents[2] / "data/machines/bios-two-disks.json")], 2, "has no bridge 'xenbr0'"),
        ("", ["--identity", "{folder}/stranger"], 1, "does not let root in"),
    ],
)
def test_what_cannot_be_done_is_said(
    libvirt: Libvirtd,
    sshd: Sshd,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    pool: str,
    options: list[str],
    code: int,
    message: str,
) -> None:
    assert send(sshd, disk, *(word.format(folder=sshd.folder) for word in options), pool=pool) == code
    said = capsys.readouterr().err
    assert message in said and "  -> " in said
    assert not list((libvirt.folder / "pool").iterdir())


def test_a_name_or_a_volume_that_is_there_is_left_alone(
    libvirt: Libvirtd, sshd: Sshd, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    libvirt.virsh("vol-create-as", "default", "old-server-disk0.qcow2", "1048576")
    assert send(sshd, disk) == 2
    assert "the pool default has a volume old-server-disk0.qcow2 already" in capsys.readouterr().err
    assert (libvirt.folder / "pool" / "old-server-disk0.qcow2").stat().st_size == MIB
    libvirt.virsh("vol-delete", "--pool", "default", "old-server-disk0.qcow2")
    assert send(sshd, disk) == 0
    assert send(sshd, disk) == 2
    assert "127.0.0.1 has a machine 'old server' already" in capsys.readouterr().err


def test_a_machine_that_runs_is_never_removed(
    libvirt: Libvirtd, sshd: Sshd, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    define = LibvirtDelivery.define

    def and_lose(delivery: LibvirtDelivery, vm: VirtualMachine, mode: Mode) -> str:
        define(delivery, vm, mode)
        libvirt.virsh("start", vm.name)
        raise Lost("no connection to 127.0.0.1")

    monkeypatch.setattr(LibvirtDelivery, "define", and_lose)
    assert send(sshd, disk) == 1
    assert "could not be removed: look there for" in capsys.readouterr().err
    assert libvirt.virsh("domstate", "old server").stdout.strip() == "running"
    assert [path.name for path in (libvirt.folder / "pool").iterdir()] == ["old-server-disk0.qcow2"]


def test_what_was_defined_while_the_connection_broke_is_removed(
    libvirt: Libvirtd, sshd: Sshd, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    define = Virsh.define

    def and_lose(virsh: Virsh, xml: str) -> None:
        define(virsh, xml)
        raise Lost("no connection to 127.0.0.1")

    monkeypatch.setattr(Virsh, "define", and_lose)
    assert send(sshd, disk) == 1
    assert libvirt.virsh("list", "--all", "--name").stdout.split() == [] and not list((libvirt.folder / "pool").iterdir())


def test_a_connection_that_is_none_is_refused(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for connect, message in (("connect=xen:///", "is no connection of libvirt's QEMU"), ("command=x", "nobody knows 'command'")):
        assert main(["convert", str(disk), "--to", f"libvirt+ssh://host/pool?{connect}"]) == 2
        assert message in capsys.readouterr().err
