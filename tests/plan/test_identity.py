"""Who the host is and who may enter."""

import subprocess

import pytest

from tests.given import KEY, actions, files, links, plan_for
from xeninstall.plan.model import SetRootPassword, WriteFile
from xeninstall.plan.show import show

_PASSWORD = '[root]\npassword_hash = "$6$saltsaltsalt$' + "x" * 40 + '"\nssh_keys = []'


def test_a_static_address_answers_to_the_name() -> None:
    toml = (
        '[host]\nname = "xen1"\ndomain = "example.org"\n[network.ipv4]\nmethod = "static"\naddress = "192.0.2.10/24"\n'
        '[network.ipv6]\nmethod = "static"\naddress = "2001:db8::10/64"\n[dns]\nmode = "servers"\nservers = ["192.0.2.53"]'
    )
    written = files(plan_for("uefi-plain", toml))
    assert written["/etc/hostname"] == "xen1\n"
    assert written["/etc/hosts"].splitlines()[:3] == [
        "127.0.0.1 localhost",
        "192.0.2.10 xen1.example.org xen1",
        "2001:db8::10 xen1.example.org xen1",
    ]


def test_without_one_the_name_is_local() -> None:
    assert "127.0.1.1 xenhost\n" in files(plan_for("uefi-plain"))["/etc/hosts"]


def test_the_keyboard_reaches_the_console_and_its_cached_map() -> None:
    plan = plan_for("uefi-plain", '[keyboard]\nlayout = "de"\nvariant = "nodeadkeys"')
    text = files(plan)["/etc/default/keyboard"]
    assert 'XKBLAYOUT="de"\n' in text and 'XKBVARIANT="nodeadkeys"\n' in text
    assert "run setupcon" in show(plan)


def test_keys_are_private_and_keep_passwords_out_of_ssh() -> None:
    plan = plan_for("uefi-plain")
    keys = next(act for act in actions(plan) if isinstance(act, WriteFile) and act.path == "/root/.ssh/authorized_keys")
    assert (keys.text, keys.mode) == (KEY + "\n", 0o600)
    assert "PermitRootLogin prohibit-password\n" in files(plan)["/etc/ssh/sshd_config.d/xeninstall.conf"]


def test_without_keys_the_password_opens_ssh() -> None:
    plan = plan_for("uefi-plain", _PASSWORD)
    assert "PermitRootLogin yes\n" in files(plan)["/etc/ssh/sshd_config.d/xeninstall.conf"]
    assert "/root/.ssh/authorized_keys" not in files(plan)
    assert [act.hash.get_secret_value()[:3] for act in actions(plan) if isinstance(act, SetRootPassword)] == ["$6$"]


# ---- firewall -----------------------------------------------------------------------------------------------------------

_SERVE = '[dns]\nmode = "serve"\nforwarders = ["192.0.2.53"]\n'


def _rules(toml: str = "") -> list[str]:
    return [line.strip() for line in files(plan_for("uefi-plain", toml))["/etc/nftables.conf"].splitlines()]


def test_ssh_comes_in_and_nothing_else() -> None:
    rules = _rules()
    assert "type filter hook input priority filter; policy drop;" in rules
    assert [rule for rule in rules if "dport" in rule] == [
        'iifname "xenbr0" udp sport 547 udp dport 546 accept',
        "tcp dport { 22 } accept",
    ]


def test_what_was_chosen_comes_in_by_its_own_protocol() -> None:
    rules = _rules('[firewall]\nopen = ["udp/161", "tcp/5901", "tcp/5900"]\n' + _SERVE)
    assert "tcp dport { 22, 53, 5900, 5901 } accept" in rules
    assert "udp dport { 53, 161 } accept" in rules


def test_guests_bridged_traffic_is_no_business_of_it() -> None:
    assert not [rule for rule in _rules() if "hook forward" in rule or "hook prerouting" in rule]


def test_the_firewall_is_up_before_the_network() -> None:
    assert "/etc/systemd/system/sysinit.target.wants/nftables.service" in links(plan_for("uefi-plain"))


@pytest.mark.root
def test_nft_takes_the_rules_also_where_no_file_names_protocols() -> None:
    text = files(plan_for("uefi-plain", _SERVE))["/etc/nftables.conf"]
    # The file comes with netbase, which not every Debian has.
    script = "mount --bind /dev/null /etc/protocols; exec nft --check --file -"
    subprocess.run(["unshare", "--net", "--mount", "sh", "-ec", script], input=text.encode(), check=True)
