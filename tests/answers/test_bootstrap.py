"""Answers for a system that runs already: what has no use there, and that what is given survives being written down."""

from pathlib import Path

import pytest

from tests.given import KEY, SEED, SYSTEM, answers
from xeninstall.answers.dump import dump
from xeninstall.answers.load import check, load
from xeninstall.answers.model import Answers
from xeninstall.base.errors import UsageError
from xeninstall.plan.build import ImageFile, build

HEAD = 'flow = "bootstrap"\n'


def _said(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "answers.toml"
    path.write_text(HEAD + text)
    return [f"{problem.line}: {problem.key}: {problem.text}" for problem in check(path)]


def test_one_line_is_whole(tmp_path: Path) -> None:
    assert _said(tmp_path, "") == []


def test_what_has_no_use_is_refused_all_at_once_with_its_line(tmp_path: Path) -> None:
    text = """[disk]
erase = true
[storage]
type = "files"
[hardware]
accept_secure_boot = false
[time]
ntp = "none"
clock = 2026-11-23T20:15:00+01:00
[hooks]
before_disk = "#!/bin/sh"
[finish]
after = "poweroff"
[[packs]]
source = "/dev/sdb1"
"""
    no_use = "given although flow is bootstrap, which has no use for it; leave it out"
    assert _said(tmp_path, text) == [
        f"3: disk.erase: {no_use}",
        f"5: storage.type: {no_use}",
        f"7: hardware.accept_secure_boot: {no_use}",
        f"10: time.clock: {no_use}",
        f"12: hooks.before_disk: {no_use}",
        "14: finish.after: poweroff, but a running server is not switched off; write reboot or stay",
        f"15: packs[0]: {no_use}",
    ]


def test_the_same_is_fine_for_an_installation(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(f'[disk]\nerase = true\n[root]\nssh_keys = ["{KEY}"]\n[finish]\nafter = "poweroff"\n')
    assert check(path) == []


def test_a_static_address_without_dns_keeps_the_servers_that_are_there(tmp_path: Path) -> None:
    static = '[network.ipv4]\nmethod = "static"\naddress = "192.0.2.10/24"\n[network.ipv6]\nmethod = "none"\n'
    assert _said(tmp_path, static) == []
    assert _said(tmp_path, static + '[dns]\nmode = "dhcp"\n') == [
        '8: dns.mode: dhcp, but with static addresses nobody tells this host its DNS servers; set dns.mode = "servers" and '
        "dns.servers"
    ]


@pytest.mark.parametrize(
    "text", ["", '[network.ipv4]\nmethod = "dhcp"\n', "[firewall]\nopen = []\n", '[host]\nname = "xenhost"\n']
)
def test_a_default_that_was_given_is_written_down(tmp_path: Path, text: str) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(HEAD + text)
    dumped = dump(load(path))
    path.write_text(dumped)
    assert dump(load(path)) == dumped
    assert all(line in dumped for line in text.splitlines())


def test_a_password_that_is_set_already_keeps_its_hash(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    path = tmp_path / "answers.toml"
    path.write_text(HEAD + '[root]\npassword_file = "password"\n')

    def hash_of(answers: Answers) -> str:
        assert answers.root.password_hash is not None
        return answers.root.password_hash.get_secret_value()

    first = hash_of(load(path))
    assert hash_of(load(path, known_hash=first)) == first
    (tmp_path / "password").write_text("another horse\n")
    assert hash_of(load(path, known_hash=first)) != first
    for odd in ("!", "*", "", "x", "!" + first):
        assert hash_of(load(path, known_hash=odd)) not in (odd, first)


def test_an_installation_takes_no_answers_for_a_bootstrap() -> None:
    given = Answers.model_validate({"flow": "bootstrap"})
    with pytest.raises(UsageError, match="the answers are for a system that runs already"):
        build(given, SYSTEM, SEED, image_file=ImageFile("/images/host.img", 2**34))
    assert answers().flow == "install"
