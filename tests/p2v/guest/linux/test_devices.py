"""Which devices of a virtual machine a Linux system has drivers for, where they are needed."""

from dataclasses import replace
from pathlib import Path

import pytest

from p2v.guest.inspect import inspect
from p2v.guest.linux.devices import devices
from p2v.guest.model import InitramfsTool, Kernel, Traits
from p2v.guest.tree import RootTree
from tests.p2v.guest.trees import lay_out

VIRTIO, PHYSICAL = ("virtio_blk", "virtio_net", "ahci", "e1000"), ("ahci", "ata_piix", "e1000")


def kernel(*drivers: str, builtin: tuple[str, ...] = (), initramfs: str = "/boot/initrd.img-1", version: str = "1") -> Kernel:
    return Kernel(version, "/boot/vmlinuz-1", initramfs, True, drivers, builtin)


@pytest.mark.parametrize(
    ("kernels", "tool", "expected"),
    [
        ((kernel(*VIRTIO),), InitramfsTool.DRACUT, Traits(virtio_disks=True, virtio_cards=True)),
        ((kernel(*PHYSICAL),), InitramfsTool.DRACUT, Traits()),
        # One of two that may be started decides; one that has nothing of ours does not start anywhere.
        ((kernel(*VIRTIO), kernel(*PHYSICAL, version="2")), InitramfsTool.DRACUT, Traits()),
        ((kernel(*VIRTIO), kernel(version="2")), InitramfsTool.DRACUT, Traits(virtio_disks=True, virtio_cards=True)),
        # A module that no initramfs brings comes too late for the root.
        ((kernel(*VIRTIO, initramfs=""),), InitramfsTool.DRACUT, Traits(virtio_cards=True, ahci=False)),
        (
            (kernel(*VIRTIO, builtin=("virtio_blk", "ahci"), initramfs=""),),
            InitramfsTool.NONE,
            Traits(virtio_disks=True, virtio_cards=True),
        ),
        ((kernel("ata_piix", "8139cp"),), InitramfsTool.MKINITRD, Traits(ahci=False, card="rtl8139")),
        ((), InitramfsTool.DRACUT, Traits()),
        # Whatever its initramfs holds is what the old machine wanted.
        ((kernel(*VIRTIO),), InitramfsTool.NONE, Traits(virtio_cards=True)),
    ],
)
def test_the_drivers_decide(kernels: tuple[Kernel, ...], tool: InitramfsTool, expected: Traits, tmp_path: Path) -> None:
    guest = replace(inspect(RootTree(lay_out("debian12-bios", tmp_path / "root"))), kernels=kernels, initramfs_tool=tool)
    assert devices(guest) == expected


def test_what_two_systems_of_one_machine_have_in_common_is_what_it_gets() -> None:
    linux = Traits(virtio_disks=True, virtio_cards=True)
    xp = Traits(windows=True, ahci=False, card="rtl8139")
    assert xp.beside(linux) == xp
    assert linux.beside(xp) == Traits(ahci=False, card="rtl8139")
    assert linux.beside(linux) == linux
