"""The medium's own network follows the answers, and nothing is written where they say nothing."""

from pathlib import Path

import pytest

from tests.given import Recorder, machine
from xeninstall.answers.model import Bond, Dns, DnsMode, Ipv4, Ipv4Method, Network
from xeninstall.base.errors import Error
from xeninstall.base.run import Completed
from xeninstall.medium.network import units, use

STATIC = Ipv4(method=Ipv4Method.STATIC, address="192.0.2.10/24", gateway="192.0.2.1")


def test_answers_that_say_nothing_change_nothing(tmp_path: Path) -> None:
    runner = Recorder()
    use(Network(), Dns(), machine("nvme"), runner, tmp_path)
    assert (runner.ran, list(tmp_path.iterdir())) == ([], [])


def test_a_static_address_is_waited_for_and_written_once(tmp_path: Path) -> None:
    found, runner = machine("nvme"), Recorder()
    card = found.nics[0]
    network, dns = Network(nic=card.mac, ipv4=STATIC, mtu=9000), Dns(mode=DnsMode.SERVERS, servers=("192.0.2.53",))
    for _ in range(2):
        use(network, dns, found, runner, tmp_path)
    assert [argv[0].rpartition("/")[2] for argv in runner.ran] == ["networkctl", "networkctl", "systemd-networkd-wait-online"]
    text = (tmp_path / f"60-answers-{card.name}.network").read_text()
    assert text == (
        f"[Match]\nName={card.name}\n\n[Link]\nMTUBytes=9000\n\n[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\n"
        "Address=192.0.2.10/24\nGateway=192.0.2.1\nDNS=192.0.2.53\n"
    )
    use(Network(), Dns(), found, runner, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_vlan_on_a_bond_has_the_addresses() -> None:
    found = machine("ten-nics")
    members = tuple(nic.mac for nic in found.nics[:2])
    assert len(members) == 2
    made = units(Network(bond=Bond(members=members), vlan=20, ipv4=STATIC), Dns(), found)
    assert sorted(made) == sorted(
        ["bond0.netdev", "bond0.network", "vlan20.netdev", "vlan20.network", *(f"{nic.name}.network" for nic in found.nics[:2])]
    )
    assert "Address=192.0.2.10/24" in made["vlan20.network"] and "VLAN=vlan20" in made["bond0.network"]
    assert "Bond=bond0" in made[f"{found.nics[0].name}.network"] and "Address=" not in made["bond0.network"]


def test_without_an_address_or_a_card_it_says_so(tmp_path: Path) -> None:
    found = machine("nvme")
    runner = Recorder(lambda argv: Completed(argv, 1, "", "") if "wait-online" in argv[0] else None)
    with pytest.raises(Error, match=f"{found.nics[0].name} has no address after 30 s"):
        use(Network(nic=found.nics[0].name, ipv4=STATIC), Dns(), found, runner, tmp_path)
    with pytest.raises(Error, match="no network card that the answers mean"):
        units(Network(nic="eth77", ipv4=STATIC), Dns(), found)
