"""The whole plan, by network system and way to the address: every package, every file with its difference."""

from pathlib import Path

import pytest

from xeninstall.bootstrap.show import NOTHING, show

from .server import SYSTEMS, XEN, Server

GOLDEN = Path(__file__).parent.parent / "data" / "bootstrap"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampl0 admin@example.org"
EVERYTHING = f"""
[host]
name = "alpha"
domain = "example.org"
[root]
ssh_keys = ["{_KEY}"]
[network.ipv4]
method = "static"
address = "198.51.100.7/24"
gateway = "198.51.100.1"
[network.ipv6]
method = "none"
[dns]
mode = "serve"
forwarders = ["198.51.100.53"]
[time]
zone = "Europe/Berlin"
ntp = "servers"
servers = ["ntp.example.org"]
[xen]
dom0_memory = "2G"
dom0_vcpus = 4
[packages]
sets = ["base", "storage"]
[keyboard]
layout = "de"
[firewall]
open = ["tcp/5900"]
[hooks]
installed = '''#!/bin/sh
echo secret-of-a-hook
'''
"""


def _compare(text: str, name: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--renew-golden"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("dhcp", [False, True], ids=["static", "dhcp"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_with_nothing_answered_the_address_moves_as_it_is(
    tmp_path: Path, system: str, dhcp: bool, request: pytest.FixtureRequest
) -> None:
    server = Server(tmp_path, system, dhcp=dhcp)
    _compare(show(server.plan()), f"{system}-{'dhcp' if dhcp else 'static'}", request)


def test_with_everything_answered(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = show(Server(tmp_path).plan(EVERYTHING))
    assert "secret-of-a-hook" not in text
    _compare(text, "everything", request)


def test_json_holds_no_secret(tmp_path: Path) -> None:
    told = '[root]\npassword_hash = "$y$j9T$secretsecretsecret$secretsecretsecretsecret"\n'
    text = (
        Server(tmp_path)
        .plan(told + EVERYTHING.replace("[root]\n", "", 1).replace(f'ssh_keys = ["{_KEY}"]\n', ""))
        .model_dump_json()
    )
    assert "secretsecret" not in text and "secret-of-a-hook" not in text


def test_what_is_named_nowhere_stays(tmp_path: Path) -> None:
    plan = Server(tmp_path).plan()
    for path in (
        "/etc/hostname",
        "/etc/hosts",
        "/etc/localtime",
        "/etc/resolv.conf",
        "/etc/nftables.conf",
        "/etc/chrony/chrony.conf",
    ):
        assert path not in plan.diffs
    assert not any("sshd" in path for path in plan.diffs)


def test_xen_is_only_tried_at_first(tmp_path: Path) -> None:
    plan = Server(tmp_path).plan()
    settings = plan.diffs["/etc/default/grub.d/xeninstall.cfg"]
    assert "+GRUB_DEFAULT=saved" in settings and "dom0_mem=" in settings
    (stage,) = (stage for stage in plan.stages if stage.name == "boot")
    assert stage.actions[-1].model_dump()["xen"] == XEN
    assert NOTHING not in show(plan)
