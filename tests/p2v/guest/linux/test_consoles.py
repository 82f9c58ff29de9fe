"""Consoles are added behind those that are there; where a passphrase is asked for then, is said."""

from pathlib import Path

import pytest

from p2v.guest.inspect import inspect
from p2v.guest.linux.consoles import REPAIR, with_consoles
from p2v.guest.tree import RootTree
from tests.p2v.guest.trees import write_tree

ASKED = "initramfs-tools asks for the passphrase of an encrypted disk on one console"
DEBIAN = (
    "=== /etc/initramfs-tools/initramfs.conf\nMODULES=most\n=== /usr/sbin/mkinitramfs\n%elf\n=== /etc/os-release\nID=debian\n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("root=/dev/vda1 ro", "root=/dev/vda1 ro console=tty0 console=ttyS0,115200 console=hvc0"),
        # Without hvc0, on KVM, the first that the kernel finds stays /dev/console: the screen. With it, on Xen, the last named.
        ("root=/dev/vda1 console=ttyS0,9600", "root=/dev/vda1 console=ttyS0,9600 console=tty0 console=hvc0"),
        # A serial line as the last would leave Xen's guests, which have none, with a screen that nobody sees.
        ("root=/dev/vda1 console=hvc0 ro", "root=/dev/vda1 ro console=tty0 console=ttyS0,115200 console=hvc0"),
        ("console=hvc0,115200 root=x", "root=x console=tty0 console=ttyS0,115200 console=hvc0,115200"),
    ],
)
def test_consoles_are_added_and_none_is_lost(before: str, after: str) -> None:
    assert " ".join(with_consoles(before.split())) == after


@pytest.mark.parametrize(
    ("described", "told"),
    [
        (DEBIAN + "=== /etc/crypttab\nroot UUID=1 none luks\n", True),
        (DEBIAN + "=== /etc/crypttab\nroot UUID=1 - luks,discard\n", True),
        (DEBIAN + "=== /etc/crypttab\nroot UUID=1\n", True),
        (DEBIAN + "=== /etc/crypttab\nswap /dev/sda2 /dev/urandom swap\n# root UUID=1 none\n", False),
        (DEBIAN, False),
        # systemd in dracut's initramfs asks on every console of the kernel.
        ("=== /usr/bin/dracut\n%elf\n=== /etc/os-release\nID=rhel\n=== /etc/crypttab\nroot UUID=1 none\n", False),
    ],
)
def test_it_is_said_where_a_passphrase_is_asked_for(described: str, told: bool, tmp_path: Path) -> None:
    write_tree(described, tmp_path)
    tree = RootTree(tmp_path)
    remarks = REPAIR.plan(inspect(tree), tree).remarks
    assert any(ASKED in remark and "xl console -t pv" in remark for remark in remarks) == told
