"""The report: what helps is in it, and no secret that was planted anywhere on the host."""

import json
from pathlib import Path

import pytest

from tests.given import Recorder, machine
from tests.host.given import HASH, installed, running, says
from xeninstall.cli import main
from xeninstall.host.report import Report, harmless, report, show
from xeninstall.machine.look import Look

MARKER = "MARKER"


@pytest.fixture
def made(tmp_path: Path) -> Report:
    """Of a host in whose every corner a secret was planted."""
    installed(tmp_path, f'[host]\nname = "xen1"\n[root]\npassword_hash = "{HASH}"\n')
    running(tmp_path)
    marked = HASH.replace("1234567890abcdefghijkl", f"{MARKER}7890abcdefghijkl")
    for path, text in (
        ("etc/shadow", f"root:{marked}:1::::::\nother:{marked}:1::::::\n"),
        ("root/.ssh/id_ed25519", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{MARKER}\n-----END OPENSSH PRIVATE KEY-----\n"),
        ("etc/ssh/ssh_host_ed25519_key", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{MARKER}\n"),
        ("etc/wpa_supplicant/wpa_supplicant.conf", f'network={{\n psk="{MARKER}"\n}}\n'),
        ("etc/ppp/chap-secrets", f'"user" * "{MARKER}"\n'),
        ("etc/ppp/pap-secrets", f'"user" * "{MARKER}"\n'),
        ("etc/systemd/network/50-wg.netdev", f"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKey={MARKER}\n"),
        ("proc/cmdline", f"placeholder root=UUID=1 ro xeninstall.answers=https://u:{MARKER}@h/x?token={MARKER} pass={MARKER} "
                         f"console=hvc0 ip=::{MARKER} quiet {MARKER}@h xeninstall.mode=install\n"),
    ):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    kept = tmp_path / "etc/xeninstall/answers.toml"
    hooks = f"[hooks]\nwebhook = 'https://fleet.example.org/?token={MARKER}'\nfirst_boot = '''\n#!/bin/sh\n# {MARKER}\n'''\n"
    kept.write_text(kept.read_text() + hooks)
    return report(machine("under-xen"), Look(Recorder(says), tmp_path), 1_800_000_000)


def test_no_planted_secret_is_in_it(made: Report) -> None:
    for text in (made.to_json(), show(made)):
        assert MARKER not in text and "PRIVATE KEY" not in text and "$y$" not in text and "ssh-ed25519" not in text


def test_what_helps_is_in_it(made: Report) -> None:
    told = json.loads(made.to_json())
    assert (
        told["versions"]["Xen"] == "4.20.2"
        and told["versions"]["xen-system-amd64"] == "4.20.2-1"
        and "lvm2" not in told["versions"]
    )
    assert told["machine"]["cpu"]["virtualization"]["verdict"]
    assert told["settings"]["host"] == {"name": "xen1"} and told["settings"]["root"] == {"password": True, "ssh_keys": 1}
    assert told["settings"]["hooks"] == ["first_boot", "webhook"]
    assert told["state"]["guests"] == 2 and told["state"]["failed_services"] == ["smartmontools.service"]
    text = show(made)
    assert "Virtualization: " in text and "name: xen1" in text and "smartmontools.service" in text
    assert all(char.isprintable() or char == "\n" for char in text)


def test_command_lines_keep_what_is_harmless(made: Report) -> None:
    assert made.command_lines == {
        "Linux": "placeholder root=UUID=1 ro xeninstall.answers=(left out) pass=(left out) console=hvc0 ip=(left out) quiet "
        "(left out) xeninstall.mode=install",
        "Xen": "placeholder dom0_mem=4096M,max:4096M com1=115200,8n1 console=com1,vga secret_key=(left out)",
    }
    assert harmless('a="b MARKER c" quiet x!\x1b[2J b="MARKER MARKER') == "a=(left out) quiet (left out) (left out) b=(left out)"
    assert harmless("xeninstall.medium=http://u:pw@h/x?t=1") == "xeninstall.medium=http://h/x?…"


def test_drift_is_in_it(tmp_path: Path) -> None:
    installed(tmp_path)
    running(tmp_path)
    (tmp_path / "etc/hostname").write_text("other\n")
    made = report(machine("under-xen"), Look(Recorder(says), tmp_path), 0)
    assert made.drift == ("host.name: xenhost in the answer file, other here",)


def test_the_verb_prints_text_or_json_of_this_system(capsys: pytest.CaptureFixture[str], own_signals: None) -> None:
    assert main(["probe", "--report"]) == 0
    assert capsys.readouterr().out.startswith("xeninstall report, ")
    assert main(["probe", "--report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["versions"]["xeninstall"]
    assert main(["probe", "--report", "--machine", "x.json"]) == 2
