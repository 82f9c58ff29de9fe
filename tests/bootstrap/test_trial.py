"""A network change on trial: armed before anything is written, kept by a confirmation, put back without one."""

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from xeninstall.base.run import Completed
from xeninstall.bootstrap.model import TryNetwork
from xeninstall.bootstrap.places import KEPT, TRIAL
from xeninstall.bootstrap.prove import Prover, Session, own_session
from xeninstall.bootstrap.takeover import UNDO_LINK, UNDO_UNIT
from xeninstall.bootstrap.trial import RolledBack, Trial

from .acting import Play
from .server import ADDRESS, GATEWAY, SYSTEMS, Server

BRIDGE_FILE = "/etc/systemd/network/00-xeninstall-30-xenbr0.network"


def _change(server: Server) -> TryNetwork:
    stage = next(stage for stage in server.plan().stages if stage.name == "network")
    (action,) = stage.actions
    assert isinstance(action, TryNetwork)
    return action


def test_the_way_back_is_armed_before_the_first_file(tmp_path: Path) -> None:
    server = Server(tmp_path)
    seen: list[tuple[str, bool, bool]] = []

    def watch(argv: tuple[str, ...]) -> None:
        if argv[0] == "systemd-run":
            marked = (tmp_path / TRIAL[1:] / "unconfirmed").exists()
            seen.append((argv[-1], marked, (tmp_path / BRIDGE_FILE[1:]).exists()))

    server.shell.play = watch
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    assert seen == [(f"{TRIAL}/undo", False, False), (f"{TRIAL}/switch", True, True)]
    timer = next(argv for argv in server.shell.ran if "--unit=xeninstall-network-rollback" in argv)
    assert "--on-active=90" in timer
    assert trial.pending
    assert (tmp_path / UNDO_UNIT[1:]).is_file() and (tmp_path / UNDO_LINK[1:]).is_symlink()
    place = tmp_path / TRIAL[1:]
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert (place / "made").read_text() == "xenbr0\n"
    assert "/etc/network/interfaces" in (place / "list").read_text().splitlines()
    assert ADDRESS in (place / "before/etc/network/interfaces").read_text()
    assert ADDRESS not in (tmp_path / "etc/network/interfaces").read_text()


def test_confirmed_it_stays_and_nothing_of_the_way_back_is_left(tmp_path: Path) -> None:
    server = Server(tmp_path)
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    assert trial.confirm()
    assert not trial.pending and not trial.confirm()
    assert not (tmp_path / UNDO_UNIT[1:]).exists() and not (tmp_path / UNDO_LINK[1:]).is_symlink()
    assert ("systemctl", "stop", "xeninstall-network-rollback.timer") in server.shell.ran
    assert json.loads((tmp_path / KEPT[1:]).read_text())["ipv4"]["addresses"] == [f"{ADDRESS}/24"]


def test_what_is_being_undone_cannot_be_confirmed(tmp_path: Path) -> None:
    server = Server(tmp_path)
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    (trial.place / "unconfirmed").rename(trial.place / "undoing")
    assert trial.pending and not trial.confirm()


class _Never(Prover):
    def lacking(self) -> str:
        return "the gateway 192.0.2.1 does not answer"


def test_a_change_that_was_put_back_is_told_with_what_was_lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path)
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    (trial.place / "switched").touch()
    monkeypatch.setattr("time.sleep", lambda seconds: (trial.place / "unconfirmed").rename(trial.place / "undone"))
    said: list[str] = []
    with pytest.raises(RolledBack) as caught:
        trial.wait(_Never(server.shell, (), "", None), 90, said.append)
    assert said == ["the gateway 192.0.2.1 does not answer"]
    assert caught.value.message == (
        "the network change was not confirmed within 90 s (the gateway 192.0.2.1 does not answer): "
        "the network is as it was before"
    )


def _sandbox(tmp_path: Path, script: str) -> str:
    """Run a script with /etc, /run and /var/lib of this tree, and programs that only say that they were called."""
    (tmp_path / "bin").mkdir()
    called = tmp_path / "called"
    for name in ("systemctl", "networkctl", "ip", "ifup", "nmcli", "netplan", "nft", "dhcpcd", "sync"):
        tool = tmp_path / "bin" / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> {called}\n')
        tool.chmod(0o755)
    binds = "".join(f"mount --bind {tmp_path}/{part} /{part}; " for part in ("etc", "var/lib"))
    line = f"mount --make-rprivate /; {binds} PATH={tmp_path}/bin:$PATH /bin/sh {script}"
    done = subprocess.run(["unshare", "-m", "sh", "-ec", line], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return called.read_text()


@pytest.mark.root
@pytest.mark.parametrize("boot", [False, True], ids=["running", "at boot"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_script_itself_puts_every_file_back(tmp_path: Path, system: str, boot: bool) -> None:
    server = Server(tmp_path, system)
    (tmp_path / "etc/network").mkdir(exist_ok=True)
    before = {path: path.read_bytes() for path in sorted((tmp_path / "etc").rglob("*")) if path.is_file()}
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    assert before != {path: path.read_bytes() for path in sorted((tmp_path / "etc").rglob("*")) if path.is_file()}
    called = _sandbox(tmp_path, f"{TRIAL}/undo{' boot' if boot else ''}")
    assert before == {path: path.read_bytes() for path in sorted((tmp_path / "etc").rglob("*")) if path.is_file()}
    assert not list((tmp_path / "etc").rglob("*.network.d"))
    assert (trial.place / "undone").exists() and not trial.pending
    assert ("ip address flush dev eno1" in called) is not boot
    restart = {"ifupdown": "ifup --force eno1", "NetworkManager": "nmcli device connect eno1"}.get(
        system, "networkctl reconfigure"
    )
    assert (restart in called) is not boot


@pytest.mark.root
def test_the_script_does_nothing_once_confirmed(tmp_path: Path) -> None:
    server = Server(tmp_path)
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    assert trial.confirm()
    after = (tmp_path / "etc/network/interfaces").read_text()
    (tmp_path / "called").touch()
    assert _sandbox(tmp_path, f"{TRIAL}/undo") == ""
    assert (tmp_path / "etc/network/interfaces").read_text() == after


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
@pytest.mark.parametrize("system", SYSTEMS)
def test_shellcheck_has_nothing_to_say(tmp_path: Path, system: str) -> None:
    change = _change(Server(tmp_path, system))
    confirm = Server(tmp_path / "other", system).plan()
    script = next(a.text for s in confirm.stages for a in s.actions if getattr(a, "path", "").endswith("/confirm-xen"))  # type: ignore[union-attr]
    for text in (change.switch, change.undo, script):
        # SC2015: A && B || C is meant.
        done = subprocess.run(["shellcheck", "-e", "SC2015", "-"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def _answering(*, gateway: bool, ss: str = "", peer: bool = False, address: str = ADDRESS) -> Play:
    def play(argv: tuple[str, ...]) -> Completed | None:
        if argv[:3] == ("ip", "-j", "address"):
            return Completed(argv, 0, json.dumps([{"addr_info": [{"local": address, "scope": "global"}]}]), "")
        if argv[0] == "ping":
            return Completed(argv, 0 if (gateway if argv[-1] == GATEWAY else peer) else 1, "", "")
        if argv[:3] == ("ip", "-j", "neigh"):
            return Completed(argv, 0, "[]", "")
        if argv[0] == "ss":
            return Completed(argv, 0, ss, "")
        return None

    return play


@pytest.mark.parametrize(
    ("given", "session", "lacking"),
    [
        ({"gateway": True}, False, ""),
        ({"gateway": False}, False, f"the gateway {GATEWAY} does not answer"),
        ({"gateway": True, "address": "192.0.2.99"}, False, f"xenbr0 has no address {ADDRESS}"),
        ({"gateway": True}, True, "the SSH session from 198.51.100.9 is silent so far; xeninstall bootstrap --confirm helps"),
        ({"gateway": True, "peer": True}, True, ""),
        ({"gateway": True, "ss": "ESTAB 0 0 a b\n\t lastsnd:4 lastrcv:9 lastack:0"}, True, ""),
        (
            {"gateway": True, "ss": "ESTAB 0 0 a b\n\t lastsnd:9 lastrcv:9 lastack:900000"},
            True,
            "the SSH session from 198.51.100.9 is silent so far; xeninstall bootstrap --confirm helps",
        ),
    ],
)
def test_what_proves_the_new_network(tmp_path: Path, given: dict[str, object], session: bool, lacking: str) -> None:
    server = Server(tmp_path)
    server.shell.play = _answering(**given)  # type: ignore[arg-type]
    over = Session("198.51.100.9", 50000, 2222) if session else None
    prover = Prover(server.shell, (ADDRESS,), GATEWAY, over)
    prover.lacking()
    assert prover.lacking() == lacking


def test_the_session_is_found_where_sudo_hides_it(tmp_path: Path) -> None:
    for pid, parent, environ in (
        ("self", "77", b"HOME=/root\0"),
        ("77", "1", b"SSH_CONNECTION=198.51.100.9 50000 192.0.2.10 22\0"),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "environ").write_bytes(environ)
        (tmp_path / pid / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")
    assert own_session({}, tmp_path) == Session("198.51.100.9", 50000, 22)
    assert own_session({"SSH_CONNECTION": "2001:db8::1 1234 2001:db8::2 2222"}, tmp_path) == Session("2001:db8::1", 1234, 2222)
    assert own_session({}, tmp_path / "nowhere") is None
