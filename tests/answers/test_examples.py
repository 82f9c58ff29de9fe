"""The examples that come with the product are right, and say what they are for."""

from pathlib import Path

import pytest

from xeninstall.answers.examples import names, summary, text
from xeninstall.answers.load import check, load
from xeninstall.answers.model import DnsMode, StorageType
from xeninstall.base.errors import UsageError


@pytest.mark.parametrize("name", names())
def test_each_example_loads_cleanly_and_may_erase_where_it_installs(name: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(text(name), encoding="utf-8")
    assert check(path) == []
    answers = load(path, stdin=lambda: b"a good password\n")
    assert answers.disk.erase is (answers.flow == "install")


def test_there_is_one_for_each_way_of_installing_and_the_default_is_first() -> None:
    assert names() == ["default", "bond-vlan", "convert", "dhcp-thin", "fleet", "mirror"]
    assert summary("default") == "A host in a disk image of 16 GiB, with a static address: what `make run` installs"


def test_the_default_is_what_make_run_needs(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(text("default"), encoding="utf-8")
    answers = load(path)
    assert (answers.host.name, answers.host.domain, answers.time.zone) == ("xenhost", "example.org", "Europe/Berlin")
    assert (answers.network.ipv4.address, answers.network.ipv4.gateway) == ("192.0.2.10/24", "192.0.2.1")
    assert (answers.dns.mode, answers.dns.forwarders) == (DnsMode.SERVE, ("192.0.2.53",))
    assert (answers.storage.type, answers.console.serial, answers.keyboard.layout) == (StorageType.FILES, "ttyS0", "de")
    assert (answers.xen.dom0_memory, answers.xen.dom0_vcpus) == (2**30, 2)
    assert not answers.hardware.require_virtualization


def test_an_unknown_example_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        text("../default")
    assert caught.value.hint == "choose from: default, bond-vlan, convert, dhcp-thin, fleet, mirror"
