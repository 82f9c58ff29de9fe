"""What a changed setting changes on the host: the files of its topic, their services, and nothing that somebody keeps by hand."""

from pathlib import Path

import pytest

from tests.given import KEY, answers
from tests.host.given import HASH, installed, settings
from xeninstall.host.changes import Changes, changes
from xeninstall.host.tree import Tree
from xeninstall.plan.model import Remove

STATIC = '[network.ipv4]\nmethod = "static"\naddress = "192.0.2.10/24"\ngateway = "192.0.2.1"\n'
DNS = '[dns]\nmode = "servers"\nservers = ["192.0.2.53"]\n'
OTHER = STATIC.replace(".10/", ".20/")
VLAN = "[network]\nvlan = 120\n"
BOND = '[network.bond]\nmembers = ["52:54:00:00:00:01", "52:54:00:00:00:02"]\n'


def between(root: Path, before: str, after: str) -> Changes:
    """On a host that was installed by the one, to the other."""
    given = installed(root, before)
    return changes(Tree(root), settings(given), settings(answers(after)))


def test_the_same_settings_change_nothing(tmp_path: Path) -> None:
    assert between(tmp_path, STATIC + DNS, STATIC + DNS).empty


def test_an_address_changes_two_files_and_may_cut_the_host_off(tmp_path: Path) -> None:
    made = between(tmp_path, STATIC + DNS, OTHER + DNS)
    assert [one.path for one in made.files] == ["/etc/hosts", "/etc/systemd/network/30-xenbr0.network"]
    assert made.cuts and made.commands == (("hostname", "--file", "/etc/hostname"), ("networkctl", "reload"))
    assert made.undo == made.commands and made.topics == ("host", "network")
    diff = made.files[1].diff()
    assert "-Address=192.0.2.10/24\n" in diff and "+Address=192.0.2.20/24\n" in diff


def test_a_vlan_that_goes_takes_its_files_and_its_interface_along(tmp_path: Path) -> None:
    made = between(tmp_path, VLAN, "")
    removed = [one.path for one in made.files if isinstance(one.action, Remove)]
    assert removed == ["/etc/systemd/network/10-vlan120.netdev", "/etc/systemd/network/25-vlan120.network"]
    assert made.commands == (("networkctl", "delete", "vlan120"), ("systemctl", "restart", "systemd-networkd.service"))
    assert made.undo == (("systemctl", "restart", "systemd-networkd.service"),)


def test_a_bond_takes_the_place_of_the_card_that_an_image_chose_by_itself(tmp_path: Path) -> None:
    installed(tmp_path, "")
    chosen = tmp_path / "etc/systemd/network/20-uplink.network"
    chosen.write_text("# Written by xeninstall.\n[Match]\nPermanentMACAddress=52:54:00:00:00:01\n\n[Network]\nBridge=xenbr0\n")
    before, after = settings(answers('[network]\nnic = "52:54:00:00:00:01"\n')), settings(answers(BOND))
    made = changes(Tree(tmp_path), before, after)
    removed = [one.path for one in made.files if isinstance(one.action, Remove)]
    assert removed == [
        "/etc/systemd/network/20-uplink.network",
        "/etc/systemd/system/xeninstall-uplink.service",
        "/etc/systemd/system/systemd-networkd.service.wants/xeninstall-uplink.service",
    ]
    assert made.undo[0] == ("networkctl", "delete", "bond0")


def test_what_somebody_keeps_by_hand_in_another_topic_stays(tmp_path: Path) -> None:
    installed(tmp_path, DNS)
    (tmp_path / "etc/chrony/chrony.conf").write_text("server mine.example.org iburst\n")
    (tmp_path / "etc/systemd/network/50-mine.network").write_text("[Match]\nName=eth9\n")
    made = changes(Tree(tmp_path), settings(answers(DNS)), settings(answers(OTHER + DNS)))
    assert not [one.path for one in made.files if "chrony" in one.path or "mine" in one.path]


def test_a_topic_that_something_else_keeps_is_left_alone(tmp_path: Path) -> None:
    installed(tmp_path, DNS)
    made = changes(Tree(tmp_path), settings(answers(DNS)), settings(answers(OTHER + DNS)), unread=("network",))
    assert made.topics == ("host",) and not made.cuts


@pytest.mark.parametrize(
    ("before", "after", "topics", "paths", "commands"),
    [
        ("", '[host]\nname = "new"\n', ("host",), ["/etc/hostname", "/etc/hosts"], [("hostname", "--file", "/etc/hostname")]),
        (
            "",
            '[time]\nntp = "servers"\nservers = ["ntp.example.org"]\n',
            ("time", "network"),  # the lease's NTP servers are not asked for any more
            ["/etc/chrony/chrony.conf", "/etc/systemd/system/multi-user.target.wants/xeninstall-ntp.path",
             "/etc/systemd/network/30-xenbr0.network"],
            [("systemctl", "stop", "xeninstall-ntp.path"), ("systemctl", "restart", "chrony.service")],
        ),
        (
            '[time]\nntp = "servers"\nservers = ["ntp.example.org"]\n',
            '[time]\nntp = "none"\n',
            ("time",),
            ["/etc/systemd/system/multi-user.target.wants/chrony.service"],
            [("systemctl", "daemon-reload"), ("systemctl", "stop", "chrony.service")],
        ),
        ('[time]\nzone = "Etc/UTC"\n', '[time]\nzone = "Europe/Berlin"\n', ("time",), ["/etc/localtime", "/etc/timezone"], []),
        (
            DNS,
            '[dns]\nmode = "serve"\nforwarders = ["192.0.2.53"]\n',
            ("host", "firewall", "dns"),
            ["/etc/hosts", "/etc/nftables.conf", "/etc/dnsmasq.d/xeninstall.conf"],
            [("systemctl", "restart", "dnsmasq.service"), ("systemctl", "reload-or-restart", "nftables.service")],
        ),
        ("", '[keyboard]\nlayout = "de"\n', ("keyboard",), ["/etc/default/keyboard"],
         [("setupcon", "--save-only"), ("update-initramfs", "-u", "-k", "all")]),
    ],
)  # fmt: skip
def test_each_topic_and_who_hears_of_it(
    tmp_path: Path, before: str, after: str, topics: tuple[str, ...], paths: list[str], commands: list[tuple[str, ...]]
) -> None:
    made = between(tmp_path, before, after)
    assert made.topics == topics
    assert set(paths) <= {one.path for one in made.files}
    assert set(commands) <= set(made.commands)


def test_a_password_is_no_file_and_in_no_print(tmp_path: Path) -> None:
    made = between(tmp_path, "", f'[root]\npassword_hash = "{HASH}"\n')
    assert made.topics == ("root",) and not made.files and made.password is not None
    assert made.password.get_secret_value() == HASH and HASH not in repr(made)


def test_keys_with_options_stay_and_the_last_key_can_go(tmp_path: Path) -> None:
    given = installed(tmp_path, f'[root]\npassword_hash = "{HASH}"\n')
    path = tmp_path / "root/.ssh/authorized_keys"
    path.write_text(f'{KEY}\nfrom="192.0.2.1" {KEY}\n')
    after = given.model_copy(update={"root": given.root.model_copy(update={"ssh_keys": ()})})
    made = changes(Tree(tmp_path), settings(given), settings(after))
    keys = next(one for one in made.files if one.path.endswith("authorized_keys"))
    assert keys.after == f'from="192.0.2.1" {KEY}\n'


def test_a_clock_is_set_where_it_is_set_by_hand(tmp_path: Path) -> None:
    made = between(tmp_path, "", '[time]\nntp = "none"\nclock = 2026-11-23T20:15:00+01:00\n')
    assert ("date", "--set", "2026-11-23T20:15:00+01:00") in made.commands


def test_a_package_set_is_installed_by_apt_and_none_is_taken_away(tmp_path: Path) -> None:
    with_storage = '[packages]\nsets = ["base", "storage"]\n'
    made = between(tmp_path, with_storage, '[packages]\nsets = ["base", "storage", "monitoring"]\n')
    assert made.topics == ("packages",) and not made.files and not made.undo and not made.cuts
    assert [argv[argv.index("apt-get") :][5:][:1] for argv in made.commands] == [("update",), ("-o",)]
    assert made.commands[1][-5:] == ("prometheus-node-exporter", "lm-sensors", "sysstat", "ipmitool", "htop")
    assert between(tmp_path, with_storage, "").commands == ()
