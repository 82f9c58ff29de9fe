"""What the planner wrote is read back as the answers that it was written from; what somebody changed since shows as drift."""

from pathlib import Path

import pytest

from tests.given import KEY
from tests.host.given import HASH, installed
from xeninstall.host.read import read, sections_of
from xeninstall.host.tree import Tree

STATIC = '[network.ipv4]\nmethod = "static"\naddress = "192.0.2.10/24"\ngateway = "192.0.2.1"\n'
DNS = '[dns]\nmode = "servers"\nservers = ["192.0.2.53", "2001:db8::53"]\n'


@pytest.mark.parametrize(
    "toml",
    [
        "",
        STATIC + DNS,
        STATIC + '[network.ipv6]\nmethod = "static"\naddress = "2001:db8::10/64"\ngateway = "fe80::1"\n' + DNS,
        '[network.ipv6]\nmethod = "none"\n',
        '[network.ipv4]\nmethod = "none"\n',
        "[network]\nvlan = 120\nmtu = 9000\n",
        '[network.bond]\nmode = "802.3ad"\nmembers = ["52:54:00:00:00:01", "52:54:00:00:00:02"]\n[network]\nvlan = 7\n',
        '[network.bond]\nmembers = ["52:54:00:00:00:01", "52:54:00:00:00:02"]\n',
        '[network]\nnic = "52:54:00:00:00:01"\n',
        '[host]\nname = "xen1"\ndomain = "example.org"\n',
        '[host]\nname = "xen1"\ndomain = "example.org"\n[dns]\nsearch = ["example.org", "lab.example.org"]\n',
        STATIC + '[host]\nname = "xen1"\ndomain = "example.org"\n[dns]\nmode = "serve"\nforwarders = ["192.0.2.53"]\n',
        '[firewall]\nopen = ["tcp/5900", "udp/5901"]\n[dns]\nmode = "serve"\nforwarders = ["192.0.2.53"]\n',
        '[time]\nzone = "Europe/Berlin"\nntp = "servers"\nservers = ["ntp.example.org", "192.0.2.123"]\n',
        '[time]\nntp = "none"\n',
        '[keyboard]\nlayout = "de"\nvariant = "nodeadkeys"\n',
        f'[root]\npassword_hash = "{HASH}"\n',
        '[packages]\nsets = ["base", "storage", "monitoring"]\n',
    ],
)
def test_answers_come_back(tmp_path: Path, toml: str) -> None:
    given = installed(tmp_path, toml)
    current = read(Tree(tmp_path))
    assert not current.unread and not current.drift and current.kept
    found = sections_of(current.data)
    for section in ("keyboard", "root", "network", "host", "dns", "time", "firewall", "packages"):
        assert getattr(found, section) == getattr(given, section), section


def test_the_own_domain_as_the_search_domain_is_what_is_searched_anyway(tmp_path: Path) -> None:
    installed(tmp_path, STATIC + '[host]\nname = "xen1"\ndomain = "example.org"\n' + DNS + 'search = ["example.org"]\n')
    assert not read(Tree(tmp_path)).drift


def test_what_was_changed_by_hand_is_drift(tmp_path: Path) -> None:
    installed(tmp_path, STATIC + DNS)
    path = tmp_path / "etc/systemd/network/30-xenbr0.network"
    path.write_text(path.read_text().replace("192.0.2.10/24", "192.0.2.77/24"))
    (tmp_path / "etc/hostname").write_text("other\n")
    current = read(Tree(tmp_path))
    assert [(one.key, one.kept, one.found) for one in current.drift] == [
        ("network.ipv4.address", "192.0.2.10/24", "192.0.2.77/24"),
        ("host.name", "xenhost", "other"),
    ]
    assert current.data["network"]["ipv4"]["address"] == "192.0.2.77/24"


def test_what_something_else_keeps_is_named(tmp_path: Path) -> None:
    installed(tmp_path)
    for path in (tmp_path / "etc/systemd/network").iterdir():
        path.unlink()
    (tmp_path / "etc/nftables.conf").write_text("flush ruleset\n")
    assert read(Tree(tmp_path)).unread == ("network", "firewall")


def test_half_a_set_is_none_and_what_was_removed_does_not_count(tmp_path: Path) -> None:
    installed(tmp_path, '[packages]\nsets = ["base", "storage"]\n')
    status = tmp_path / "var/lib/dpkg/status"
    text = status.read_text()
    status.write_text(text.replace("lsscsi\nStatus: install ok installed", "lsscsi\nStatus: deinstall ok config-files"))
    current = read(Tree(tmp_path))
    assert current.data["packages"] == {"sets": ["base"]}
    assert [one.key for one in current.drift] == ["packages.sets"]


def test_nothing_at_all_is_no_failure(tmp_path: Path) -> None:
    current = read(Tree(tmp_path))
    assert not current.kept and not current.drift and "network" in current.unread


def test_strange_files_are_left_out(tmp_path: Path) -> None:
    installed(tmp_path, STATIC + DNS)
    (tmp_path / "etc/hostname").write_text("_bad name_\n")
    (tmp_path / "etc/xeninstall/answers.toml").write_bytes(b"\xff\x00[")
    link = tmp_path / "etc/default/keyboard"
    link.unlink()
    link.symlink_to("/etc/default/keyboard")
    (tmp_path / "root/.ssh/authorized_keys").write_text(f'from="192.0.2.1" {KEY}\n{KEY}\n# {KEY}\n')
    current = read(Tree(tmp_path))
    assert "name" not in current.data["host"] and not current.kept and "keyboard" in current.unread
    assert current.data["root"]["ssh_keys"] == [KEY]


def test_a_root_directory_never_leads_out_of_itself(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (tmp_path / "hostname").write_text("outside\n")
    (root / "etc/hostname").symlink_to("../../hostname")
    assert Tree(root).text("/etc/hostname") is None
