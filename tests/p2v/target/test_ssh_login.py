"""Logging in over SSH to `p2v receive`, through a real sshd: strangers, passphrases, and what answers there instead."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, sparse
from tests.p2v.target.sshd import Sshd, receiver


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return sparse(tmp_path / "old.img", 8 * MIB, (0, 3, 7), seed=5)


def test_preflight_logs_in_and_looks_at_the_room_and_leaves_nothing(
    host: Sshd, there: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preflight", str(disk), "--to", host.to, *host.options, "--no-repair"]) == 0
    said = capsys.readouterr().out
    assert f"its key is {host.fingerprint}" in said and "images on " in said and "which is enough" in said
    assert "free at the target: " in said and "time: about " in said
    assert main(["preflight", str(disk), "--to", f"{host.to}/none", *host.options, "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["refused"] and any("it has no storage 'none'" in one["text"] for one in told["findings"])
    assert main(["preflight", str(disk), "--to", "ssh://127.0.0.1:1", "--identity", str(host.key)]) == 3
    assert "no connection to 127.0.0.1" in capsys.readouterr().out
    assert main(["preflight", str(disk), "--to", host.to, *host.options, "--format", "vhd"]) == 2
    assert "takes no vhd" in capsys.readouterr().err
    assert not list((there / "images").iterdir()) and not list((there / "state").glob("*"))


def test_a_stranger_gets_no_password_and_a_new_key_is_said(
    host: Sshd, there: Path, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    common = ["convert", str(disk), "--to", host.to, "--identity", str(host.key), "--name", "new"]
    assert main([*common, "--password", f"file:{secret}"]) == 1
    said = capsys.readouterr().err
    assert "a password must not go to a stranger" in said and f"--host-key {host.fingerprint}" in said
    assert main(common) == 0
    assert f"the key of 127.0.0.1 was not known and is taken as it is: {host.fingerprint}" in capsys.readouterr().err


def test_a_passphrase_reaches_ssh_without_standing_anywhere(
    host: Sshd, there: Path, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "locked"
    locked.write_bytes(host.key.read_bytes())
    locked.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "correct horse", "-f", locked], check=True)
    reads, writes = os.pipe()
    os.write(writes, b"correct horse\n")
    os.close(writes)
    options = ["--host-key", host.fingerprint, "--identity", str(locked), "--password", f"fd:{reads}"]
    assert main(["convert", str(disk), "--to", host.to, *options, "--name", "locked", "--streams", "2"]) == 0
    os.close(reads)
    assert (there / "images" / "locked-disk0.img").read_bytes() == disk.read_bytes()
    assert "correct horse" not in capsys.readouterr().err


def test_a_host_without_p2v_is_named(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = Sshd(tmp_path / "plain", ["sh", "-c", "echo Welcome; exec no-such-program"])
    try:
        assert main(["convert", str(disk), "--to", plain.to, *plain.options]) == 1
    finally:
        plain.stop()
    said = capsys.readouterr().err
    assert "127.0.0.1 has no program p2v" in said


def test_a_shell_that_talks_first_is_borne_and_one_that_never_stops_is_not(
    host: Sshd, tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wordy = " ".join(["echo Welcome to this host; exec", *receiver(tmp_path)])
    for command, code in ((wordy, 0), ("yes", 1)):
        talker = Sshd(tmp_path / f"talker{code}", ["sh", "-c", command])
        try:
            assert main(["convert", str(disk), "--to", talker.to, *talker.options]) == code
        finally:
            talker.stop()
    assert "is not p2v receive, or is broken: it is no p2v receive: it said" in capsys.readouterr().err
