"""Which system a tree holds; whatever its files say, looking at them never fails."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2v.guest.inspect import inspect, is_linux
from p2v.guest.repair import plan_repairs
from p2v.guest.tree import RootTree

from .trees import HARDWARE, lay_out, write_tree

EXPECTED = {
    "debian12-bios": "debian 12 x86_64 systemd initramfs-tools bios dpkg ifupdown GRUB 2",
    "debian7-sysv": "debian 7 x86_64 sysv initramfs-tools bios dpkg ifupdown GRUB legacy",
    "ubuntu2204-uefi": "debian 22.04 x86_64 systemd initramfs-tools uefi dpkg netplan GRUB 2",
    "rhel9-uefi": "redhat 9.3 x86_64 systemd dracut uefi dnf NetworkManager GRUB 2+boot loader entries",
    "centos6": "redhat 6.10 x86_64 upstart dracut bios yum ifcfg GRUB legacy",
    "rhel5": "redhat 5.11 x86_64 sysv mkinitrd bios yum ifcfg GRUB legacy",
    "sles15": "suse 15.5 x86_64 systemd dracut uefi zypper wicked GRUB 2",
    "sles11": "suse 11 x86_64 sysv mkinitrd bios zypper ifcfg GRUB legacy",
    "rhel8-luks": "redhat 8.9 x86_64 systemd dracut uefi dnf ifcfg GRUB 2+boot loader entries",
    "tumbleweed-snapper": "suse 20250115 x86_64 systemd dracut uefi zypper NetworkManager GRUB 2",
    "debian13-md": "debian 13 x86_64 systemd initramfs-tools bios dpkg netplan+networkd GRUB 2",
    "arch": "arch  x86_64 systemd mkinitcpio uefi pacman networkd systemd-boot+boot loader entries",
}


@pytest.mark.parametrize("name", HARDWARE)
def test_a_family_is_recognised(name: str, tmp_path: Path) -> None:
    tree = RootTree(lay_out(name, tmp_path / "root"))
    assert is_linux(tree)
    found = inspect(tree)
    networks, loaders = "+".join(found.networks), "+".join(found.loaders)
    told = [
        found.family,
        found.version,
        found.architecture,
        found.init,
        found.initramfs_tool,
        found.firmware,
        found.package_manager,
    ]
    assert " ".join([*told, networks, loaders]) == EXPECTED[name]
    assert all(kernel.listed for kernel in found.boot_kernels)
    assert all(
        kernel.image.startswith("/boot/") and kernel.initramfs.startswith("/boot/") for kernel in found.kernels if kernel.drivers
    )


_LOCAL = "=== /etc/adjtime\n0.0 0 0.0\n0\nLOCAL\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (f"{_LOCAL}=== /etc/timezone\nAsia/Tokyo\n", (True, 9 * 3600)),
        (f"{_LOCAL}=== /etc/localtime -> ../usr/share/zoneinfo/Pacific/Kiritimati\n", (True, 14 * 3600)),
        (f'{_LOCAL}=== /etc/sysconfig/clock\nZONE="America/Bogota"\n', (True, -5 * 3600)),
        (f"{_LOCAL}=== /etc/timezone\n../../etc/passwd\n", (True, 0)),
        (_LOCAL, (True, 0)),
        ("=== /etc/adjtime\n0.0 0 0.0\n0\nUTC\n=== /etc/timezone\nAsia/Tokyo\n", (False, 0)),
    ],
)
def test_a_clock_on_local_time_is_known_with_how_far_that_is(tmp_path: Path, files: str, expected: tuple[bool, int]) -> None:
    write_tree(f"=== /etc/debian_version\n13\n{files}", tmp_path / "root")
    tree = RootTree(tmp_path / "root")
    traits = plan_repairs(inspect(tree), tree).traits
    assert (traits.local_time, traits.utc_offset_seconds) == expected


def test_a_file_system_of_data_is_no_system(tmp_path: Path) -> None:
    write_tree("=== /home/someone/etc/os-release\nID=debian\n=== /etc/hosts\nx\n", tmp_path)
    assert not is_linux(RootTree(tmp_path))


_PATHS = st.sampled_from(
    [
        "/etc/os-release",
        "/etc/fstab",
        "/etc/crypttab",
        "/boot/grub/grub.cfg",
        "/boot/grub/menu.lst",
        "/etc/default/grub",
        "/etc/modprobe.conf",
        "/boot/loader/entries/a.conf",
        "/etc/network/interfaces",
        "/etc/netplan/a.yaml",
        "/etc/systemd/network/a.network",
        "/etc/inittab",
        "/etc/sysconfig/network/ifcfg-eth0",
        "/etc/mdadm.conf",
        "/boot/grub2/grubenv",
        "/etc/mkinitcpio.conf",
        "/bin/sh",
        "/etc/lvm/lvm.conf",
        "/lib/modules/1/modules.dep",
        "/etc/securetty",
        "/etc/selinux/config",
        "/etc/initramfs-tools/initramfs.conf",
        "/usr/sbin/mkinitramfs",
        "/boot/vmlinuz-1",
        "/usr/bin/dracut",
        "/usr/bin/mkinitcpio",
        "/etc/udev/rules.d/a.rules",
        "/etc/init/x.conf",
        "/sbin/initctl",
    ]
)
_WORDS = st.sampled_from(
    [
        b"/dev/sda1",
        b" ",
        b"\n",
        b"=",
        b'"',
        b"'",
        b"\\",
        b"\0",
        b"\xff",
        b"(",
        b")",
        b"[",
        b"]",
        b"root=/dev/sda1",
        b"linux ",
        b"kernel ",
        b"initrd ",
        b"options ",
        b"UUID=",
        b"swap",
        b"#",
        b"GRUB_CMDLINE_LINUX=",
        b"MODULES=",
        b"HOOKS=(",
        b"network:\n  ethernets:\n    e0:\n",
        b"[Match]\n",
        b"Name=",
        b"auto ",
        b"iface ",
        b"ID=",
        b"ARRAY ",
        b"kernelopts=",
        b"# GRUB Environment Block\n",
        b"\x7fELF",
        b"filter = [",
    ]
)


@settings(max_examples=30)
@given(st.dictionaries(_PATHS, st.lists(_WORDS, max_size=12).map(b"".join), max_size=12))
def test_nonsense_in_its_files_is_planned_around(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            place = Path(folder) / path[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        tree = RootTree(Path(folder))
        report = plan_repairs(inspect(tree, HARDWARE["debian12-bios"]), tree)
        tree.close()
        assert report.as_text()
