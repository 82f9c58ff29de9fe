"""Disks to NBD servers, with nbdkit and qemu-nbd at the other end."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p2v import sending
from p2v.cli import main
from tests.p2v.disks import MIB, sparse
from tests.p2v.target.sshd import free_port

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


@contextmanager
def serving(*argv: object, port: int) -> Iterator[None]:
    """A server, until it is over."""
    program = shutil.which(str(argv[0]), path=PATH)
    assert program, argv[0]
    process = subprocess.Popen([program, *map(str, argv[1:])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while True:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return sparse(tmp_path / "old.img", 40 * MIB + 512, (0, 3, 4, 5, 30), seed=8)


def stale(path: Path, size: int) -> Path:
    path.write_bytes(b"\xaa" * size)
    return path


def send(port: int, disk: Path, *more: str) -> int:
    return main(["convert", str(disk), "--to", f"nbd://127.0.0.1:{port}", *more])


@pytest.mark.parametrize("filters", [[], ["--filter=nozero"]])
def test_a_disk_arrives_over_old_data(tmp_path: Path, disk: Path, filters: list[str]) -> None:
    """With and without the request for zeros."""
    there, port = stale(tmp_path / "there", 48 * MIB), free_port()
    with serving("nbdkit", "-f", "-p", port, "-i", "127.0.0.1", *filters, "file", there, port=port):
        assert send(port, disk) == 0
    data = there.read_bytes()
    assert data[: disk.stat().st_size] == disk.read_bytes()
    assert set(data[disk.stat().st_size :]) == {0xAA}, "what is not ours is left alone"


def test_an_export_of_qemu_by_name(tmp_path: Path, disk: Path) -> None:
    there, port = stale(tmp_path / "there", 48 * MIB), free_port()
    with serving("qemu-nbd", "-f", "raw", "-x", "vm", "-p", port, "-b", "127.0.0.1", "-t", "-e", "4", there, port=port):
        assert main(["convert", str(disk), "--to", f"nbd://127.0.0.1:{port}/vm"]) == 0
    assert there.read_bytes()[: disk.stat().st_size] == disk.read_bytes()


def test_a_connection_that_breaks_is_made_again(
    tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sending, "WAITS_SECONDS", (0.2,) * 50)
    there, port = stale(tmp_path / "there", 48 * MIB), free_port()
    argv = ("nbdkit", "-f", "-p", port, "-i", "127.0.0.1", "file", there)

    def two_lives() -> None:
        with serving(*argv, port=port):
            time.sleep(1.5)
        time.sleep(0.5)
        with serving(*argv, port=port):
            ended.wait(60)

    ended = threading.Event()
    server = threading.Thread(target=two_lives)
    server.start()
    time.sleep(0.5)
    assert send(port, disk, "--limit", "2M") == 0
    ended.set()
    server.join()
    assert "trying again in" in capsys.readouterr().err
    assert there.read_bytes()[: disk.stat().st_size] == disk.read_bytes()


@pytest.mark.parametrize(
    ("options", "size", "more", "code", "message"),
    [
        (["-r"], 48, [], 1, "the export '' is read-only"),
        ([], 8, [], 3, "the export '' holds 8 MiB and"),
        ([], 48, ["--start"], 1, "runs no virtual machines (NBD)"),
        ([], 48, ["--resume"], 2, "NBD keeps nothing of a stopped conversion"),
        (["--filter=error", "error=ENOSPC", "error-pwrite-rate=100%"], 48, [], 1, "no room left"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    size: int,
    more: list[str],
    code: int,
    message: str,
) -> None:
    there, port = stale(tmp_path / "there", size * MIB), free_port()
    settings = [word for word in options if "=" in word and not word.startswith("-")]
    flags = [word for word in options if word not in settings]
    with serving("nbdkit", "-f", *flags, "-p", port, "-i", "127.0.0.1", "file", there, *settings, port=port):
        assert send(port, disk, *more) == code
    said = capsys.readouterr().err
    assert message in said and "  -> " in said


def test_what_differs_afterwards_is_found(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that forgets: what is written to it is gone when a new connection asks."""
    port = free_port()
    there = stale(tmp_path / "there", 48 * MIB)
    with serving("nbdkit", "-f", "-p", port, "-i", "127.0.0.1", "--filter=cow", "file", there, "cow-on-read=false", port=port):
        assert send(port, disk, "--no-verify") == 0
    with serving("nbdkit", "-f", "-p", port, "-i", "127.0.0.1", "tmpdisk", "48M", "type=ext4", port=port):
        assert send(port, disk) == 1
    assert "differs at byte 0 from what was sent" in capsys.readouterr().err


def test_who_is_no_nbd_server_is_told(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"SSH-2.0-OpenSSH_9.2 is not NBD\r\n")
                time.sleep(0.2)

        threading.Thread(target=answer, daemon=True).start()
        assert send(listener.getsockname()[1], disk) == 1
    assert "is no NBD server" in capsys.readouterr().err
