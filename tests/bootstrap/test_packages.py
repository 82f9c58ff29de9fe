"""The packages: the same sets as on the medium, and what apt says in words."""

import re
from pathlib import Path

from xeninstall.answers.model import PackageSet
from xeninstall.answers.package_sets import SETS
from xeninstall.bootstrap.packages import ask_apt, wanted

from .server import PACKAGES, Server, answers

LIST = Path(__file__).parent.parent.parent / "iso/packages.txt"


def test_the_sets_are_those_of_the_medium() -> None:
    on_the_medium: dict[str, list[str]] = {}
    section = ""
    for line in LIST.read_text().splitlines():
        if found := re.match(r"\[([a-z-]+)\]", line):
            section = found[1]
        elif words := line.partition("#")[0].split():
            on_the_medium.setdefault(section, []).append(words[0])
    assert {name.value: list(names) for name, names in SETS.items()} == {
        name: names for name, names in on_the_medium.items() if name != "base"
    }
    assert {"base", *SETS} == set(PackageSet)
    assert set(PACKAGES) <= set(on_the_medium["base"])


def test_only_what_is_answered_is_installed(tmp_path: Path) -> None:
    present = Server(tmp_path).present()
    assert wanted(answers(), present) == (*PACKAGES, "iputils-ping")
    more = answers(
        '[time]\nntp = "dhcp"\n[firewall]\n[dns]\nmode = "serve"\nforwarders = ["192.0.2.53"]\n[packages]\nsets = ["pool"]\n'
    )
    assert set(wanted(more, present)) - set(PACKAGES) == {
        "iputils-ping",
        "chrony",
        "systemd-resolved",
        "dnsmasq",
        "ganeti",
        "ganeti-instance-debootstrap",
        "drbd-utils",
    }


def test_what_apt_would_do_in_words(tmp_path: Path) -> None:
    server = Server(tmp_path)
    simulated = (
        "NOTE: This is only a simulation!\nInst libxen (4.17 Debian:12 [amd64])\n"
        "Inst grub-common [2.06-13] (2.06-14 Debian:12 [amd64])\nRemv systemd-timesyncd [252]\n"
        "Conf libxen (4.17 Debian:12 [amd64])\n"
    )
    server.command(["apt-get"], simulated)
    assert ask_apt(server.looked(), ("libxen",), frozenset()).lines == (
        "install libxen 4.17",
        "upgrade grub-common 2.06-13 to 2.06-14",
        "remove systemd-timesyncd 252",
    )
    assert ask_apt(server.looked(), ("libxen",), frozenset({"libxen"})).lines == ()
