"""A network change on trial: armed before anything is written, kept by a confirmation, put back without one."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from xeninstall.base.errors import Error
from xeninstall.base.run import Completed
from xeninstall.bootstrap.model import TryNetwork
from xeninstall.bootstrap.places import KEPT, TRIAL
from xeninstall.bootstrap.prove import Prover, Session, own_session
from xeninstall.bootstrap.takeover import FIREWALL
from xeninstall.bootstrap.trial import RolledBack, Trial
from xeninstall.plan.model import WriteFile

from .acting import Play, go_back
from .server import ADDRESS, GATEWAY, SYSTEMS, Server

BRIDGE_FILE = "/etc/systemd/network/00-xeninstall-30-xenbr0.network"


def _place(root: Path) -> Path:
    return root / TRIAL[1:]


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
            seen.append((argv[-1], (_place(tmp_path) / "pending").exists(), (tmp_path / BRIDGE_FILE[1:]).exists()))

    server.shell.play = watch
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    assert seen == [("--unit=xeninstall-network-undo.service", True, False), (f"{TRIAL}/switch", True, True)]
    timer = next(argv for argv in server.shell.ran if "--unit=xeninstall-network-undo.service" in argv)
    assert "--on-active=90" in timer
    assert trial.way.waits and trial.way.left() == 90
    assert (_place(tmp_path) / "made").read_text() == "xenbr0\n"
    assert ADDRESS not in (tmp_path / "etc/network/interfaces").read_text()


def test_rules_that_nft_does_not_take_change_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path)

    def play(argv: tuple[str, ...]) -> Completed | None:
        return Completed(argv, 1, "", "Error: Could not resolve protocol name\n") if argv[:2] == ("nft", "--check") else None

    server.shell.play = play
    rules = WriteFile(path=FIREWALL, text="table inet filter {}\n")
    trial, change = Trial(server.shell, tmp_path), _change(server)
    with pytest.raises(Error, match="nft does not take the rules of the firewall: Error: Could not resolve protocol name"):
        trial.begin(change.model_copy(update={"files": (*change.files, rules)}), 90)
    assert server.shell.stdin[-1] == rules.text.encode()
    assert not trial.way.waits and not (tmp_path / BRIDGE_FILE[1:]).exists()


def test_confirmed_it_stays_and_nothing_of_the_way_back_is_left(tmp_path: Path) -> None:
    server = Server(tmp_path)
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    assert trial.confirm()
    assert not trial.way.waits and not trial.way.undone and not trial.confirm()
    assert not list((tmp_path / "etc").rglob("*undo*")) and not _place(tmp_path).exists()
    assert ("systemctl", "stop", "xeninstall-network-undo.timer") in server.shell.ran
    assert json.loads((tmp_path / KEPT[1:]).read_text())["ipv4"]["addresses"] == [f"{ADDRESS}/24"]


class _Never(Prover):
    def lacking(self) -> str:
        return "the gateway 192.0.2.1 does not answer"


def test_a_change_that_was_put_back_is_told_with_what_was_lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path)
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    (_place(tmp_path) / "switched").touch()
    monkeypatch.setattr("time.sleep", lambda seconds: go_back(tmp_path))
    said: list[str] = []
    with pytest.raises(RolledBack) as caught:
        trial.wait(_Never(server.shell, (), "", None), 90, said.append)
    assert said == ["the gateway 192.0.2.1 does not answer"]
    assert caught.value.message == (
        "the network change was not confirmed within 90 s (the gateway 192.0.2.1 does not answer): "
        "the network is as it was before"
    )


@pytest.mark.parametrize("boot", [False, True], ids=["running", "at boot"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_file_comes_back_and_the_network_that_runs_follows(tmp_path: Path, system: str, boot: bool) -> None:
    server = Server(tmp_path, system)
    (tmp_path / "etc/network").mkdir(exist_ok=True)
    before = {path: path.read_bytes() for path in sorted((tmp_path / "etc").rglob("*")) if path.is_file()}
    trial = Trial(server.shell, tmp_path)
    trial.begin(_change(server), 90)
    assert before != {path: path.read_bytes() for path in sorted((tmp_path / "etc").rglob("*")) if path.is_file()}
    if boot:
        server.file("/proc/sys/kernel/random/boot_id", "two\n")
    called = go_back(tmp_path)
    assert before == {path: path.read_bytes() for path in sorted((tmp_path / "etc").rglob("*")) if path.is_file()}
    assert not list((tmp_path / "etc").rglob("*.network.d"))
    assert trial.way.undone and not trial.way.waits
    assert ("ip address flush dev eno1" in called) is not boot
    restart = {"ifupdown": "ifup --force eno1", "NetworkManager": "nmcli device connect eno1"}.get(
        system, "networkctl reconfigure"
    )
    assert (restart in called) is not boot
    assert ("netplan generate" in called) is (system == "netplan")
    reloads = [line for line in called.splitlines() if "daemon-reload" in line]
    # Not when its unit's file is gone and the unit runs: the DHCP client that ifup has started would be killed with it.
    assert reloads == (["systemctl --no-block daemon-reload"] if boot else ["systemctl daemon-reload"])


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
@pytest.mark.parametrize("system", SYSTEMS)
def test_shellcheck_has_nothing_to_say(tmp_path: Path, system: str) -> None:
    server = Server(tmp_path, system)
    change = _change(server)
    Trial(server.shell, tmp_path).begin(change, 90)
    undo = (_place(tmp_path) / "undo").read_text()
    confirm = Server(tmp_path / "other", system).plan()
    script = next(a.text for s in confirm.stages for a in s.actions if getattr(a, "path", "").endswith("/confirm-xen"))  # type: ignore[union-attr]
    for text in (change.switch, undo, script):
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


def test_an_address_that_comes_by_itself_does_not_stand_for_that_of_dhcp(tmp_path: Path) -> None:
    server, gateway = Server(tmp_path), "fe80::1"
    addresses = [{"family": "inet6", "local": "2001:db8::5", "scope": "global"}]

    def play(argv: tuple[str, ...]) -> Completed | None:
        said = {"address": [{"addr_info": addresses}], "-6": [{"gateway": gateway}]}.get(argv[2], [])
        return Completed(argv, 0, json.dumps(said), "")

    server.shell.play = play
    assert Prover(server.shell, (), "", None, leased=True).lacking() == "xenbr0 has no address by DHCP yet"
    assert Prover(server.shell, (), "", None).lacking() == ""
    addresses.append({"family": "inet", "local": ADDRESS, "scope": "global"})
    assert Prover(server.shell, (), "", None, leased=True).lacking() == ""


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
