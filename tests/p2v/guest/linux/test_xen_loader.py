"""GRUB for Xen starts what pygrub cannot read: it is led to the menu, or the user is told that HVM is the way."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from p2v.guest.changes import Planned, WriteFile
from p2v.guest.inspect import inspect
from p2v.guest.linux import xen_loader
from p2v.guest.model import BootPlace, Hardware, Named
from p2v.guest.tree import RootTree
from tests.p2v.guest.trees import write_tree

_UUID = "11111111-2222-4333-8444-555555555555"
_BTRFS, _MIRROR = Named(0, "btrfs", 2, _UUID), Named(0, "ext", 0, _UUID)
_SYSTEM = "=== /etc/os-release\nID=debian\n=== /lib/modules/6.1/modules.dep\n\n"
_MENU = "=== /boot/{}/grub.cfg\nmenuentry x {{\n\tlinux /@rootfs/boot/vmlinuz-6.1 root=UUID=x\n}}\n"
_ESP = "=== /boot/efi/EFI/debian/grubx64.efi\nx\n"
_UNFOUND = "as PV or PVH it does not start, since GRUB for Xen does not find its menu; run it as HVM"


def _planned(folder: Path, boot: BootPlace | None, described: str, kernel: bytes = b"") -> Planned:
    write_tree(_SYSTEM + described, folder)
    (folder / "boot").mkdir(exist_ok=True)
    (folder / "boot/vmlinuz-6.1").write_bytes(kernel)
    tree = RootTree(folder)
    planned = xen_loader.REPAIR.plan(replace(inspect(tree, Hardware()), boot=boot), tree)
    tree.close()
    return planned


def _kernel(payload: bytes) -> bytes:
    """The head of a kernel whose compressed part begins like this, 716 bytes behind the sectors for real mode."""
    head = bytearray(40 * 512 + 716)
    head[0x1F1], head[0x202:0x206] = 39, b"HdrS"
    struct.pack_into("<I", head, 0x248, 716)
    return bytes(head) + payload


@pytest.mark.parametrize(
    "boot",
    [None, BootPlace(Named(0, "ext", 1, _UUID), "/odd"), BootPlace(_MIRROR), BootPlace(_BTRFS, "")],
    ids=["", "ext", "md", "btrfs"],
)
def test_what_is_found_anyway_is_left_alone(tmp_path: Path, boot: BootPlace | None) -> None:
    assert _planned(tmp_path, boot, _MENU.format("grub") + _ESP) == Planned()


def test_the_efi_partition_leads_to_a_menu_in_a_subvolume(tmp_path: Path) -> None:
    (change,) = _planned(tmp_path, BootPlace(_BTRFS, "/@rootfs/boot"), _MENU.format("grub") + _ESP).changes
    assert isinstance(change, WriteFile) and change.path == "/boot/efi/boot/grub/grub.cfg"
    assert change.data.decode().splitlines() == [
        f"search --no-floppy --fs-uuid --set=root {_UUID}",
        "set prefix=($root)/@rootfs/boot/grub",
        "configfile /@rootfs/boot/grub/grub.cfg",
    ]


def test_a_menu_that_only_the_grub_of_suse_understands_is_no_way(tmp_path: Path) -> None:
    menu = '=== /boot/grub2/grub.cfg\nset btrfs_relative_path="y"\nmenuentry x {\n\tlinux /boot/vmlinuz-6.1 root=UUID=x\n}\n'
    planned = _planned(tmp_path, BootPlace(_BTRFS, "/@/.snapshots/1/snapshot/boot"), menu + _ESP)
    why = "its menu names kernels within the default subvolume, which only SUSE's GRUB finds"
    assert planned == Planned((), (f"as PV or PVH it does not start, since {why}; run it as HVM",))


def test_it_leads_to_a_menu_of_another_name(tmp_path: Path) -> None:
    apart = BootPlace(Named(0, "xfs", 2, _UUID), "")
    (change,) = _planned(tmp_path, apart, _MENU.format("grub2") + _ESP).changes
    assert isinstance(change, WriteFile) and b"configfile /grub2/grub.cfg\n" in change.data


@pytest.mark.parametrize(
    ("boot", "described"),
    [
        (BootPlace(_BTRFS, "/@rootfs/boot"), _MENU.format("grub")),
        (BootPlace(_BTRFS, "/my root;reboot"), _MENU.format("grub") + _ESP),
        (BootPlace(Named(0, "btrfs", 2), "/@/boot"), _MENU.format("grub") + _ESP),
    ],
    ids=["no EFI partition", "no plain name", "no UUID"],
)
def test_where_it_cannot_be_led_the_user_is_told(tmp_path: Path, boot: BootPlace, described: str) -> None:
    assert _planned(tmp_path, boot, described) == Planned((), (_UNFOUND,))


def test_without_a_menu_of_grub_2_the_user_is_told(tmp_path: Path) -> None:
    told = "as PV or PVH it does not start, since GRUB for Xen finds no menu of GRUB 2; run it as HVM"
    assert _planned(tmp_path, BootPlace(_MIRROR), "").remarks == (told,)


def test_a_kernel_that_grub_for_pv_does_not_read_is_told_of(tmp_path: Path) -> None:
    told = "as PV it does not start: GRUB for PV reads no kernel that zstd compressed; run it as PVH or HVM"
    zstd, xz = _kernel(b"\x28\xb5\x2f\xfd...."), _kernel(b"\xfd7zXZ\0..")
    assert _planned(tmp_path / "zstd", BootPlace(_MIRROR), _MENU.format("grub"), zstd) == Planned((), (told,))
    assert _planned(tmp_path / "xz", BootPlace(_MIRROR), _MENU.format("grub"), xz) == Planned()
    assert _planned(tmp_path / "plain", BootPlace(Named(0, "ext", 1)), _MENU.format("grub"), zstd) == Planned()
