"""A host in an image that learns everything at its first boot: UEFI, an NVMe disk, DHCP, and a thin pool that it makes itself."""

from collections.abc import Iterator

import pytest

from .answer_files import answers
from .conftest import PASSWORD, Installed
from .console import LOGIN_SECONDS, Console
from .dhcp import Lease
from .health import nothing_failed
from .qemu import Disk, Machine, hvm_expected
from .switch import switch

pytestmark = [pytest.mark.vm, pytest.mark.root]


LEASE = Lease("198.51.100.77", "198.51.100.1", "198.51.100.53", "198.51.100.123", "leased.example.org")


@pytest.fixture(scope="module")
def host(installed: Installed) -> Iterator[Console]:
    """The console, logged in under Xen."""
    image = installed(answers(storage='type = "thin"', rest=""))
    with (
        switch(["52:54:00:c0:ff:ee"], LEASE.server, lease=LEASE) as wire,
        Machine([Disk(image, bus="nvme")], firmware="uefi", nics=wire.cables, name="uefi-nvme-dhcp-thin") as machine,
    ):
        machine.console.login("root", PASSWORD, LOGIN_SECONDS)
        yield machine.console


def test_uefi_boots_xen_to_the_login(host: Console) -> None:
    nothing_failed(host)
    assert host.check("cat /sys/firmware/efi/fw_platform_size || ls -d /sys/firmware/efi")
    if hvm_expected():
        assert "hvm" in host.check("xl info | grep virt_caps")


def test_dhcp_gives_address_route_name_servers_and_time_servers(host: Console) -> None:
    assert host.check("ip -br -4 address show dev xenbr0").split()[2] == "198.51.100.77/24"
    assert host.check("ip -4 route show default").split()[:5] == ["default", "via", "198.51.100.1", "dev", "xenbr0"]
    assert "198.51.100.53" in host.check("resolvectl --no-pager dns xenbr0")
    assert "leased.example.org" in host.check("resolvectl --no-pager domain xenbr0")
    assert "198.51.100.123" in host.check("chronyc -n sources")
    host.check("ping -c 1 -W 10 198.51.100.1", 30)


def test_the_thin_pool_is_there_and_works(host: Console) -> None:
    row = host.check("lvs --noheadings -o lv_name,lv_layout,lv_size --units m xenvms/vms").split()
    assert row[0] == "vms" and "thin,pool" in row[1]
    host.check("lvcreate -y -V 20G -T xenvms/vms -n guest", 120)
    host.check("dd if=/dev/urandom of=/dev/xenvms/guest bs=1M count=8 conv=fsync status=none", 120)
    before = host.check("head -c 8M /dev/xenvms/guest | sha256sum")
    host.check("lvcreate -y -s -n before xenvms/guest && lvchange -ay -K xenvms/before", 120)
    host.check("dd if=/dev/zero of=/dev/xenvms/guest bs=1M count=8 conv=fsync status=none", 120)
    assert host.check("head -c 8M /dev/xenvms/before | sha256sum") == before
    assert host.check("head -c 8M /dev/xenvms/guest | sha256sum") != before
    host.check("lvremove -y xenvms/before xenvms/guest", 120)
    assert host.check("lvs --noheadings -o lv_name xenvms").split() == ["vms"]


def test_the_pool_is_made_once(host: Console) -> None:
    assert host.check("systemctl show -p Result --value xeninstall-storage.service") == "success"
    host.check("test -e /var/lib/xeninstall/storage-done")
