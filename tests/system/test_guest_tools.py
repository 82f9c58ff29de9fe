"""Real initramfs tools of a real guest, run in isolation: a host-only dracut makes one with the drivers of every host."""

import subprocess
from pathlib import Path

import pytest

from p2v.guest.changes import RunInGuest
from p2v.guest.inspect import inspect
from p2v.guest.jail import run_in_guest
from p2v.guest.model import Hardware, InitramfsTool, Named
from p2v.guest.repair import make_repairs, plan_repairs
from p2v.guest.tree import RootTree
from xeninstall.base.run import SystemRunner

from .guest_disk import ROOT_UUID, debian_root

pytestmark = [pytest.mark.vm, pytest.mark.root]


def test_a_host_only_dracut_becomes_one_for_every_host(tmp_path: Path) -> None:
    root = debian_root(tmp_path, "dracut")
    (root / "etc/dracut.conf.d").mkdir(exist_ok=True)
    # It sorts behind what most write, as an administrator's file may.
    (root / "etc/dracut.conf.d/host.conf").write_text('hostonly="yes"\n')
    (root / "etc/fstab").write_text("/dev/sda1 / ext4 defaults 0 1\n")
    tree = RootTree(root)
    guest = inspect(tree, Hardware((Named(0, "ext", 1, ROOT_UUID),)))
    assert guest.initramfs_tool is InitramfsTool.DRACUT
    (kernel,) = guest.boot_kernels
    host_only = RunInGuest(("dracut", "--force", kernel.initramfs, kernel.version), "as the machine itself did", kernel.initramfs)
    assert run_in_guest(tree, host_only, SystemRunner()).problem == ""
    assert not {"xen-blkfront", "ext4"} & _modules(root, kernel.initramfs), "host-only holds what one machine needs"
    report = make_repairs(plan_repairs(guest, tree), tree, SystemRunner(), lambda event: None)
    tree.close()
    assert report.problems == ()
    assert {"virtio_blk", "virtio_scsi", "xen-blkfront", "ahci", "ata_piix", "ext4", "sd_mod"} <= _modules(root, kernel.initramfs)


def _modules(root: Path, initramfs: str) -> set[str]:
    told = subprocess.run(["chroot", root, "lsinitrd", initramfs], capture_output=True, text=True, check=True).stdout
    return {line.rsplit("/", 1)[-1].split(".ko")[0] for line in told.splitlines() if ".ko" in line}
