"""A machine over SSH to `p2v receive`, through a real sshd: sent, cut, resumed, dropped, and refusals in their words."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from p2v import sending
from p2v.cli import main
from tests.p2v.disks import MIB, make_disk, sha, sparse
from tests.p2v.target.sshd import ROOT, Sshd, receiver

MACHINE = Path(__file__).parents[2] / "data" / "machines" / "bios-two-disks.json"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = sparse(tmp_path / "old.img", 64 * MIB, (0, 9, 10, 11, 30, 63), seed=5)
    with path.open("r+b") as file:
        file.seek(40 * MIB)
        file.write(b"text that becomes short " * (8 * MIB // 24))
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WAITS_SECONDS", (0.2,) * 30)


def send(host: Sshd, disk: Path, *more: str) -> int:
    return main(["convert", str(disk), "--to", host.to, *host.options, "--name", "old server", "--json", *more])


def in_background(host: Sshd, disk: Path, *more: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "p2v", "convert", str(disk), "--to", host.to, *host.options, "--name", "old server", *more]
    return subprocess.Popen(argv, text=True, stderr=subprocess.PIPE, cwd=ROOT)


def image(there: Path) -> Path:
    return there / "images" / "old-server-disk0.img"


def wait_for_data(there: Path, mib: int) -> None:
    growing = there / "images" / ".old-server-disk0.img.partial"
    until = time.monotonic() + 60
    while not growing.exists() or growing.stat().st_blocks * 512 < mib * MIB:
        assert time.monotonic() < until
        time.sleep(0.02)


def journaled(there: Path) -> None:
    """Return when something is certain over there."""
    path = there / "state" / "old-server" / "0.journal"
    until = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < 2:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.root
def test_a_disk_arrives_with_its_holes_and_a_machine_is_defined(
    host: Sshd, there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_disk(tmp_path, "gpt", ["ext4", "swap"])
    assert send(host, path, "--machine", str(MACHINE), "--wire", "zstd") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    stages = [event["stage"] for event in events if event["event"] == "StageStarted"]
    assert stages == ["login", "map", "copy", "verify", "define"]
    assert events[-1]["facts"]["start it with"] == f"xl create {there}/configs/old-server.cfg"
    raw = tmp_path / "raw.img"
    assert main(["convert", str(path), "--to", str(raw), "--format", "raw"]) == 0
    assert sha(image(there)) == sha(raw)
    assert image(there).stat().st_blocks * 512 < path.stat().st_size
    text = (there / "configs" / "old-server.cfg").read_text()
    assert 'name = "old server"' in text and f"target={image(there)}" in text
    told = json.loads(MACHINE.read_text())
    assert all(nic["mac"].lower() in text for nic in told["nics"])
    assert not list((there / "state").iterdir()), "what is whole is not on its way any more"


@pytest.mark.parametrize("wire", ["none", "auto", "zstd"])
def test_every_way_down_the_wire_brings_the_same_bytes(host: Sshd, there: Path, disk: Path, wire: str) -> None:
    assert send(host, disk, "--wire", wire, "--streams", "3", "--everything") == 0
    assert image(there).read_bytes() == disk.read_bytes()


def test_two_disks_become_one_machine(host: Sshd, there: Path, disk: Path, tmp_path: Path) -> None:
    other = tmp_path / "second.img"
    other.write_bytes(os.urandom(3 * MIB))
    assert main(["convert", str(disk), str(other), "--to", f"{host.to}/images", *host.options, "--name", "pair"]) == 0
    assert (there / "images" / "pair-disk0.img").read_bytes() == disk.read_bytes()
    assert (there / "images" / "pair-disk1.img").read_bytes() == other.read_bytes()
    text = (there / "configs" / "pair.cfg").read_text()
    assert text.index("pair-disk0.img") < text.index("pair-disk1.img")


def test_a_connection_that_is_cut_is_made_again_and_the_copy_goes_on(
    host: Sshd, there: Path, disk: Path, capsys: pytest.CaptureFixture[str], quick: None
) -> None:
    cuts = []

    def cut() -> None:
        wait_for_data(there, 2)
        for _ in range(2):
            until = time.monotonic() + 30
            while len(host.sessions()) < 3 and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.6)
            cuts.append(host.cut())

    cutter = threading.Thread(target=cut)
    cutter.start()
    assert send(host, disk, "--limit", "6M", "--wire", "none", "--everything") == 0
    cutter.join()
    assert min(cuts) >= 2, "there were connections to cut"
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum("trying again in" in event.get("text", "") for event in told) >= 2
    assert image(there).read_bytes() == disk.read_bytes()


def test_a_host_that_is_away_for_a_while_is_waited_for(
    host: Sshd, there: Path, disk: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def outage() -> None:
        wait_for_data(there, 2)
        host.stop()
        time.sleep(1)
        host.start()

    away = threading.Thread(target=outage)
    away.start()
    assert send(host, disk, "--limit", "6M", "--wire", "none", "--everything") == 0
    away.join()
    assert image(there).read_bytes() == disk.read_bytes()


def test_what_was_killed_is_resumed_from_the_journal_over_there(host: Sshd, there: Path, disk: Path) -> None:
    first = in_background(host, disk, "--limit", "3M", "--wire", "none", "--everything")
    journaled(there)
    first.kill()
    first.communicate()
    assert not image(there).exists()
    before = (there / "state" / "old-server" / "0.journal").read_bytes()
    growing = there / "images" / ".old-server-disk0.img.partial"
    with growing.open("r+b") as file:
        # What lies behind the last checkpoint is nobody's: it must not survive where the source has a hole.
        file.seek(50 * MIB)
        file.write(b"left over")
    assert send(host, disk, "--resume", "--wire", "none", "--everything") == 0
    assert image(there).read_bytes() == disk.read_bytes()
    assert len(before.splitlines()) >= 2


def test_what_is_stopped_halfway_is_said_and_can_be_dropped(
    host: Sshd, there: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = in_background(host, disk, "--limit", "3M", "--wire", "none", "--everything")
    journaled(there)
    first.terminate()
    said = first.communicate()[1]
    assert first.returncode == 4 and "--resume" in said
    assert send(host, disk, "--everything") == 1
    said = capsys.readouterr().err
    assert "an earlier conversion of old server stopped halfway here" in said and "--discard" in said
    assert send(host, disk, "--discard", "--everything") == 0
    assert image(there).read_bytes() == disk.read_bytes()


def test_a_disk_that_changed_is_not_resumed(host: Sshd, there: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = in_background(host, disk, "--limit", "3M", "--wire", "none", "--everything")
    journaled(there)
    first.terminate()
    first.communicate()

    def left() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for folder in ("state/old-server", "images") for path in (there / folder).iterdir()}

    before, whole = left(), disk.read_bytes()
    assert "0.journal" in before and ".old-server-disk0.img.partial" in before
    with disk.open("r+b") as file:
        file.write(b"changed")
    assert send(host, disk, "--resume", "--everything") == 1
    said = capsys.readouterr().err
    assert f"{disk} has changed since" in said and "name the disk that it was begun with, or drop it by --discard" in said
    with disk.open("r+b") as file:
        file.truncate(80 * MIB)
    assert send(host, disk, "--resume", "--everything") == 1
    assert "what is halfway here of old server has other disks" in capsys.readouterr().err
    assert left() == before, "nothing is lost by a disk that is the wrong one"
    disk.write_bytes(whole)
    assert send(host, disk, "--resume", "--everything") == 0
    assert image(there).read_bytes() == whole


def test_a_name_that_is_taken_is_refused_and_nothing_is_left(
    host: Sshd, there: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (there / "configs" / "old-server.cfg").write_text("another's")
    assert send(host, disk) == 1
    assert f"there is a machine old-server already: {there}/configs/old-server.cfg" in capsys.readouterr().err
    assert not list((there / "images").iterdir())
    (there / "configs" / "old-server.cfg").unlink()
    image(there).write_bytes(b"another's")
    assert send(host, disk) == 1
    assert f"there is a file {image(there)} already" in capsys.readouterr().err
    assert image(there).read_bytes() == b"another's"
    assert not list((there / "state").iterdir())


def test_a_host_that_runs_no_machines_is_found_out_before_anything_is_sent(
    host: Sshd, there: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no Xen here."""
    assert send(host, disk, "--start") == 1
    assert "runs no virtual machines (p2v" in capsys.readouterr().err
    assert not list((there / "images").iterdir())


def test_what_does_not_start_stays_whole_and_is_said(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Xen's own programs cannot run here: a script stands for `xl`, which knows its host and starts nothing."""
    programs = tmp_path / "programs"
    programs.mkdir()
    script = (
        '#!/bin/sh\n[ "$1" = info ] && { echo "xen_caps : xen-3.0-x86_64 hvm-3.0-x86_64"; exit; }\necho "no memory" >&2; exit 1\n'
    )
    (programs / "xl").write_text(script)
    (programs / "xl").chmod(0o755)
    # What starts programs looks for them where the system keeps its own.
    wrap = f"import xeninstall.base.run as r; r._PATH = {str(programs)!r} + ':' + r._PATH; from p2v.cli import main; main()"
    command = receiver(tmp_path)
    at = command.index("-m")
    command[at : at + 2] = ["-c", wrap]
    xen = Sshd(tmp_path / "ssh", command)
    try:
        assert main(["convert", str(disk), "--to", xen.to, *xen.options, "--name", "vm", "--start"]) == 1
    finally:
        xen.stop()
    said, config = capsys.readouterr().err, tmp_path / "configs/vm.cfg"
    assert f"{config} was defined, but does not start: no memory" in said
    assert f"the machine vm is complete there and stays: mend the cause, then start it with: xl create {config}" in said
    assert config.is_file() and (tmp_path / "images/vm-disk0.img").read_bytes() == disk.read_bytes()
    assert list((tmp_path / "state").iterdir()) == [], "nothing is half-done"


@pytest.mark.parametrize(
    ("to", "options", "code", "message"),
    [
        ("{to}/none", [], 2, "127.0.0.1 has no storage 'none'"),
        ("{to}", ["--host-key", "SHA256:" + "A" * 43], 1, "127.0.0.1 shows another key than the one that was pinned"),
        ("{to}", ["--host-key", "md5"], 2, "--host-key 'md5' is not a fingerprint"),
        ("{to}", ["--identity", "{folder}/stranger"], 1, "127.0.0.1 does not let root in: it takes no key of this user not"),
        ("{to}", ["--identity", "/none"], 2, "--identity /none does not exist"),
        ("{to}", ["--password", "hunter2"], 2, "--password takes the place of a password, and not the password"),
        ("{to}", ["--password", "env:NOT_THERE"], 2, "there is no such variable"),
        ("{to}", ["--streams", "99"], 2, "--streams 99 is not possible"),
        ("{to}", ["--format", "vhd"], 2, "takes no vhd"),
        ("{to}", ["--name", "a/b"], 2, "'a/b' is not a name for a virtual machine"),
        ("{to}", ["--resume", "--discard"], 2, "--resume and --discard contradict each other"),
        ("{to}", ["--define"], 2, "--define writes files beside an image"),
        ("ssh://root:hunter2@127.0.0.1", [], 2, "a password in an address is seen by everybody"),
        ("ssh://-oProxyCommand=x", [], 2, "names no host"),
        ("ssh://127.0.0.1:1", [], 1, "no connection to 127.0.0.1"),
        ("gopher://host", [], 2, "gopher:// is no kind of target"),
    ],
)
def test_what_cannot_be_done_is_said(
    host: Sshd,
    there: Path,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    to: str,
    options: list[str],
    code: int,
    message: str,
) -> None:
    filled = [word.format(folder=host.folder) for word in options]
    given = [*host.options, "--name", "old server", *filled]
    assert main(["convert", str(disk), "--to", to.format(to=host.to), *given]) == code
    said = capsys.readouterr().err
    assert message in said and "  -> " in said
    assert "hunter2" not in said
    assert not list((there / "images").iterdir())


@pytest.mark.root
def test_a_storage_that_others_fill_stops_it_and_it_goes_on_when_there_is_room(
    tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = receiver(tmp_path)
    images = tmp_path / "images"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20M", "none", images], check=True)
    small = Sshd(tmp_path / "ssh", command)
    try:
        first = in_background(small, disk, "--limit", "3M", "--wire", "none", "--everything")
        until = time.monotonic() + 60
        while not (growing := images / ".old-server-disk0.img.partial").exists() or growing.stat().st_blocks < 2 * MIB // 512:
            assert time.monotonic() < until
            time.sleep(0.02)
        filler = images / "filler"
        with filler.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(65536))
                except OSError:
                    break
        said = first.communicate()[1]
        assert first.returncode == 4, said
        assert "cannot take more: No space left on device" in said and "make room, then go on with --resume" in said
        assert "trying again" not in said
        filler.unlink()
        assert send(small, disk, "--resume", "--wire", "none", "--everything") == 0
        assert (images / "old-server-disk0.img").read_bytes() == disk.read_bytes()
    finally:
        small.stop()
        subprocess.run(["umount", "-l", images], check=True)
