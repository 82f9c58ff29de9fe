"""What systemd-networkd, systemd-resolved and dnsmasq are told, key by key as their manual pages name them."""

import configparser
import os
import subprocess
from pathlib import Path

import pytest

from tests.given import files, image_plan, links, plan_for
from xeninstall.plan.model import Plan

_NETWORK = "/etc/systemd/network/"
_MAC = "e4:43:4b:5c:1a:20"


class _Unit:
    """A unit-like file; keys may come more than once."""

    def __init__(self, text: str) -> None:
        self.keys: list[tuple[str, str, str]] = []
        section = ""
        for line in text.splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                key, equals, value = line.partition("=")
                assert equals and section, line
                self.keys.append((section, key, value))

    def __getitem__(self, at: tuple[str, str]) -> str | None:
        found = [value for section, key, value in self.keys if (section, key) == at]
        assert len(found) <= 1, f"{at} stands there {len(found)} times"
        return found[0] if found else None

    def all(self, section: str, key: str) -> list[str]:
        return [value for one, other, value in self.keys if (one, other) == (section, key)]


def _units(plan: Plan) -> dict[str, _Unit]:
    return {path.removeprefix(_NETWORK): _Unit(text) for path, text in files(plan).items() if path.startswith(_NETWORK)}


_STATIC = '[network.ipv4]\nmethod = "static"\naddress = "192.0.2.10/24"\ngateway = "192.0.2.1"\n[dns]\nmode = "servers"\n'
_STATIC += 'servers = ["192.0.2.53"]\n'


def test_the_simplest_host_a_card_below_a_bridge_that_asks_dhcp() -> None:
    units = _units(plan_for("uefi-plain"))
    assert sorted(units) == ["10-xenbr0.link", "10-xenbr0.netdev", "20-uplink-eno1.network", "30-xenbr0.network"]
    bridge, uplink, management = units["10-xenbr0.netdev"], units["20-uplink-eno1.network"], units["30-xenbr0.network"]
    assert (bridge["NetDev", "Name"], bridge["NetDev", "Kind"], bridge["NetDev", "MACAddress"]) == ("xenbr0", "bridge", _MAC)
    assert bridge["Bridge", "STP"] == "no"
    assert uplink["Match", "PermanentMACAddress"] == _MAC
    assert uplink["Match", "Kind"] == "!*", "what is stacked upon the card is none of its business"
    assert uplink["Network", "Bridge"] == "xenbr0"
    assert uplink["Network", "LinkLocalAddressing"] == "no" and uplink["Link", "RequiredForOnline"] == "no"
    assert management["Match", "Name"] == "xenbr0"
    assert management["Network", "DHCP"] == "ipv4" and management["DHCPv4", "ClientIdentifier"] == "mac"
    assert management["Network", "ConfigureWithoutCarrier"] is None
    assert units["10-xenbr0.link"]["Link", "MACAddressPolicy"] == "none"


@pytest.mark.parametrize(
    "toml",
    [
        "",
        "[network]\nvlan = 7",
        '[network.bond]\nmembers = ["eno1", "eno2"]',
        '[network]\nnic = "eno1"',
        '[network]\nvlan = 7\n[network.bond]\nmembers = ["52:54:00:00:00:01", "eno2"]',
    ],
)
def test_nothing_matches_by_a_pattern_that_guests_interfaces_could_meet(toml: str) -> None:
    for plan in (
        image_plan(toml),
        plan_for("ten-nics", '[disk]\nserial = "S4KXNA0R900100"\n' + toml.replace("52:54:00:00:00:01", "eno1")),
    ):
        for name, unit in _units(plan).items():
            if name.endswith(".network"):
                assert unit["Match", "Name"] or unit["Match", "PermanentMACAddress"], name
                assert not set("*?[]") & set((unit["Match", "Name"] or "") + (unit["Match", "PermanentMACAddress"] or ""))


def test_a_bond_below_a_vlan_below_the_bridge() -> None:
    toml = '[disk]\nserial = "S4KXNA0R900100"\n[network]\nvlan = 120\nmtu = 9000\n[network.bond]\nmode = "802.3ad"\n'
    units = _units(plan_for("ten-nics", toml + 'members = ["eno2", "eno1"]'))
    assert [name for name in units if name.endswith(".network")] == [
        "20-uplink-eno1.network",
        "20-uplink-eno2.network",
        "22-bond0.network",
        "25-vlan120.network",
        "30-xenbr0.network",
    ]
    first = "20:67:7c:e0:00:01"
    bond, vlan = units["10-bond0.netdev"], units["10-vlan120.netdev"]
    assert (bond["NetDev", "Kind"], bond["NetDev", "MACAddress"]) == ("bond", first)
    assert (bond["Bond", "Mode"], bond["Bond", "LACPTransmitRate"], bond["Bond", "MIIMonitorSec"]) == ("802.3ad", "fast", "100ms")
    assert units["10-xenbr0.netdev"]["NetDev", "MACAddress"] == first
    assert (vlan["NetDev", "Kind"], vlan["VLAN", "Id"]) == ("vlan", "120")
    assert units["20-uplink-eno1.network"]["Network", "Bond"] == "bond0"
    assert units["22-bond0.network"]["Network", "VLAN"] == "vlan120"
    assert units["22-bond0.network"]["Network", "Bridge"] is None
    assert units["25-vlan120.network"]["Network", "Bridge"] == "xenbr0"
    for name, unit in units.items():
        if name.endswith(".netdev"):
            assert unit["NetDev", "MTUBytes"] == "9000", name
        elif name.startswith("2"):
            assert unit["Link", "MTUBytes"] == "9000", name


def test_active_backup_asks_nothing_of_the_switch() -> None:
    bond = _units(image_plan('[network.bond]\nmembers = ["eno1", "eno2"]'))["10-bond0.netdev"]
    assert bond["Bond", "Mode"] == "active-backup" and bond["Bond", "LACPTransmitRate"] is None


def test_without_a_known_card_bridge_and_bond_take_their_first_ports_address() -> None:
    units = _units(image_plan('[network.bond]\nmembers = ["eno1", "52:54:00:00:00:02"]'))
    for name in ("bond0", "xenbr0"):
        assert units[f"10-{name}.netdev"]["NetDev", "MACAddress"] == "none"
        assert units[f"10-{name}.link"]["Match", "OriginalName"] == name
        assert units[f"10-{name}.link"]["Link", "MACAddressPolicy"] == "none", "udev would make one up"
    assert units["20-uplink-0.network"]["Match", "Name"] == "eno1"
    assert units["20-uplink-1.network"]["Match", "PermanentMACAddress"] == "52:54:00:00:00:02"


def test_static_addresses_stay_without_a_cable() -> None:
    toml = _STATIC + '[network.ipv6]\nmethod = "static"\naddress = "2001:db8::10/64"\ngateway = "fe80::1"'
    management = _units(plan_for("uefi-plain", toml))["30-xenbr0.network"]
    assert management.all("Network", "Address") == ["192.0.2.10/24", "2001:db8::10/64"]
    assert management.all("Network", "Gateway") == ["192.0.2.1", "fe80::1"]
    assert management["Network", "DHCP"] == "no" and management["Network", "IPv6AcceptRA"] == "no"
    assert management["Network", "ConfigureWithoutCarrier"] == "yes"
    assert management["DHCPv4", "UseDNS"] is None


def test_no_ipv6_means_none_at_all() -> None:
    management = _units(plan_for("uefi-plain", '[network.ipv6]\nmethod = "none"'))["30-xenbr0.network"]
    assert (management["Network", "LinkLocalAddressing"], management["Network", "IPv6AcceptRA"]) == ("no", "no")
    assert management["IPv6AcceptRA", "UseDNS"] is None


def test_ipv6_alone() -> None:
    management = _units(plan_for("uefi-plain", '[network.ipv4]\nmethod = "none"'))["30-xenbr0.network"]
    assert (management["Network", "DHCP"], management["Network", "IPv6AcceptRA"]) == ("no", "yes")
    assert management["Network", "LinkLocalAddressing"] == "ipv6"


@pytest.mark.parametrize(("toml", "use"), [("", "yes"), ('[dns]\nmode = "servers"\nservers = ["192.0.2.53"]', "no")])
def test_names_come_from_dhcp_only_when_that_was_answered(toml: str, use: str) -> None:
    management = _units(plan_for("uefi-plain", toml))["30-xenbr0.network"]
    for section in ("DHCPv4", "IPv6AcceptRA"):
        assert management[section, "UseDNS"] == management[section, "UseDomains"] == use
    assert management["DHCPv6", "UseDNS"] == use
    assert management["DHCPv4", "UseHostname"] == management["DHCPv6", "UseHostname"] == "no"


@pytest.mark.parametrize(
    ("toml", "use"), [("", "yes"), ('[time]\nntp = "none"', "no"), ('[time]\nntp = "servers"\nservers = ["t.example.org"]', "no")]
)
def test_time_comes_from_dhcp_only_when_that_was_answered(toml: str, use: str) -> None:
    management = _units(plan_for("uefi-plain", toml))["30-xenbr0.network"]
    assert management["DHCPv4", "UseNTP"] == management["DHCPv6", "UseNTP"] == use


def test_an_unplugged_cable_neither_holds_the_boot_up_for_long_nor_fails_a_unit() -> None:
    unit = _Unit(files(plan_for("uefi-plain"))["/etc/systemd/system/systemd-networkd-wait-online.service.d/xeninstall.conf"])
    assert unit.all("Service", "ExecStart") == [
        "",
        "-/usr/lib/systemd/systemd-networkd-wait-online --interface=xenbr0 --timeout=30",
    ]
    assert _units(plan_for("uefi-plain"))["30-xenbr0.network"]["Link", "RequiredForOnline"] == "routable"


# ---- an image, whose machine is not known -------------------------------------------------------------------------------


def test_an_image_chooses_its_card_at_the_first_boot_before_networkd_starts() -> None:
    plan = image_plan()
    unit = _Unit(files(plan)["/etc/systemd/system/xeninstall-uplink.service"])
    assert unit["Unit", "Before"] == "systemd-networkd.service" and unit["Unit", "DefaultDependencies"] == "no"
    assert unit["Unit", "ConditionPathExists"] == "!/etc/systemd/network/20-uplink.network"
    wants = "/etc/systemd/system/systemd-networkd.service.wants/xeninstall-uplink.service"
    assert links(plan)[wants] == "/etc/systemd/system/xeninstall-uplink.service"
    assert not [name for name in _units(plan) if name.startswith("20-")]


def _choose(tmp_path: Path, cards: dict[str, dict[str, str | None]]) -> str | None:
    """Run the script against a /sys of files; returns the file that networkd would read."""
    net, out = tmp_path / "net", tmp_path / "network"
    net.mkdir()
    out.mkdir()
    for name, attributes in cards.items():
        (net / name).mkdir()
        for attribute, value in attributes.items():
            if value is None:
                (net / name / attribute).mkdir()
            else:
                (net / name / attribute).write_text(value + "\n")
    written = files(image_plan("[network]\nmtu = 9000"))
    (tmp_path / "uplink.network").write_text(written["/usr/local/lib/xeninstall/uplink.network"])
    for name in ("ip", "udevadm", "sleep"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    script = written["/usr/local/lib/xeninstall/choose-uplink"]
    for place, ours in (("/sys/class/net", net), ("/usr/local/lib/xeninstall", tmp_path), ("/etc/systemd/network", out)):
        assert place in script
        script = script.replace(place, str(ours))
    subprocess.run(["sh", "-c", script], check=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True)
    made = sorted(path.name for path in out.iterdir())
    assert made in ([], ["20-uplink.network"])
    return (out / "20-uplink.network").read_text() if made else None


def _card(mac: str, carrier: str = "0", **more: str | None) -> dict[str, str | None]:
    return {"address": mac, "carrier": carrier, "type": "1", "device": None, **more}


def test_the_first_boot_takes_the_first_card_with_a_link(tmp_path: Path) -> None:
    cards: dict[str, dict[str, str | None]] = {
        "eno1": _card("52:54:00:00:00:01"),
        "eno2": _card("52:54:00:00:00:02", "1"),
        "lo": {"address": "00:00:00:00:00:00", "carrier": "1", "type": "772"},
        "dummy0": {"address": "52:54:00:00:00:09", "carrier": "1", "type": "1"},
        "vif1.0": _card("fe:ff:ff:ff:ff:ff", "1"),
        "wlan0": _card("52:54:00:00:00:03", "1", phy80211=None),
    }
    text = _choose(tmp_path, cards)
    assert text is not None
    unit = _Unit(text)
    assert unit["Match", "PermanentMACAddress"] == "52:54:00:00:00:02"
    assert (unit["Network", "Bridge"], unit["Link", "MTUBytes"]) == ("xenbr0", "9000")


def test_without_any_link_the_first_card_is_taken(tmp_path: Path) -> None:
    text = _choose(tmp_path, {"eno2": _card("52:54:00:00:00:02"), "eno1": _card("52:54:00:00:00:01")})
    assert text is not None and "52:54:00:00:00:01" in text


def test_without_any_card_the_first_boot_goes_on(tmp_path: Path) -> None:
    assert _choose(tmp_path, {"lo": {"address": "00:00:00:00:00:00", "carrier": "1", "type": "772"}}) is None


# ---- names --------------------------------------------------------------------------------------------------------------

_RESOLVED = "/etc/systemd/resolved.conf.d/xeninstall.conf"
_DNSMASQ = "/etc/dnsmasq.d/xeninstall.conf"


def test_given_servers_and_search_domains_go_to_resolved() -> None:
    plan = plan_for(
        "uefi-plain", '[dns]\nmode = "servers"\nservers = ["192.0.2.53", "2001:db8::53"]\nsearch = ["a.example", "b.example"]'
    )
    resolved = _Unit(files(plan)[_RESOLVED])
    assert (resolved["Resolve", "DNS"], resolved["Resolve", "Domains"]) == ("192.0.2.53 2001:db8::53", "a.example b.example")
    assert links(plan)["/etc/resolv.conf"] == "../run/systemd/resolve/stub-resolv.conf"
    assert _DNSMASQ not in files(plan)


def test_the_domain_is_searched_when_nothing_else_is_said() -> None:
    resolved = _Unit(files(plan_for("uefi-plain", '[host]\ndomain = "example.org"'))[_RESOLVED])
    assert resolved["Resolve", "Domains"] == "example.org"


_SERVE = '[dns]\nmode = "serve"\nforwarders = ["192.0.2.53", "2001:db8::53"]\n[host]\nname = "xen1"\ndomain = "example.org"\n'


def _dnsmasq(plan: Plan) -> set[str]:
    return {line for line in files(plan)[_DNSMASQ].splitlines() if not line.startswith("#")}


def test_a_host_that_serves_dns_asks_itself_and_forwards_the_rest() -> None:
    plan = plan_for("uefi-plain", _SERVE)
    served = _dnsmasq(plan)
    assert {"interface=xenbr0", "bind-dynamic", "no-resolv", "server=192.0.2.53", "server=2001:db8::53"} <= served
    assert {"domain=example.org", "local=/example.org/", "expand-hosts"} <= served
    assert _Unit(files(plan)[_RESOLVED])["Resolve", "DNS"] == "127.0.0.1"
    assert "/etc/systemd/system/multi-user.target.wants/dnsmasq.service" in links(plan)


def test_dnsmasq_is_not_kept_from_the_loopback_where_resolved_asks_it() -> None:
    # Debian's start script turns DNSMASQ_EXCEPT=lo into --except-interface=lo.
    assert "DNSMASQ_EXCEPT" not in files(plan_for("uefi-plain", _SERVE))["/etc/default/dnsmasq"]


def test_nobody_is_told_that_the_host_is_at_127_0_1_1() -> None:
    leased = plan_for("uefi-plain", _SERVE)
    assert "127.0.1.1" not in files(leased)["/etc/hosts"]
    assert {"interface-name=xen1.example.org,xenbr0", "interface-name=xen1,xenbr0"} <= _dnsmasq(leased)
    static = plan_for("uefi-plain", _STATIC.partition("[dns]")[0] + _SERVE)
    assert "192.0.2.10 xen1.example.org xen1" in files(static)["/etc/hosts"].splitlines()
    assert not [line for line in _dnsmasq(static) if line.startswith("interface-name")]


def test_every_file_is_one_that_a_strict_reader_takes() -> None:
    for path, text in files(plan_for("uefi-plain", _SERVE)).items():
        if path.endswith((".network", ".netdev", ".link", ".service", ".path")):
            reader = configparser.ConfigParser(strict=False, interpolation=None)
            reader.read_string(text, path)
            assert reader.sections(), path
