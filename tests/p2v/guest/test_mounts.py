"""Systems on real disks are put together from all their file systems, changed in the image and nowhere else."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, patch, put, run, sha
from tests.p2v.raid import mirror_half
from tests.p2v.volume_group import make_group, striped

from .real_disks import OLD_RELEASE, cat, ext4, fat, gpt, piece, shell, tree
from .trees import MAC0

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]
_GRUB = "=== {place}grub/grub.cfg\nmenuentry x {{\n\tlinux /vmlinuz-1 root=/dev/sda3 ro\n\tinitrd /initrd.img-1\n}}\n"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The inventory: one card, called eth0."""
    from xeninstall.machine.model import Machine, Nic

    recorded = Path(__file__).parent.parent.parent / "data" / "machines" / "bios-two-disks.json"
    found = Machine.from_json(recorded.read_text()).model_copy(update={"nics": (Nic(name="eth0", mac=MAC0),)})
    path = tmp_path / "machine.json"
    path.write_text(found.to_json())
    return path


def no_traces() -> None:
    """Nothing of this process is left mounted or looped, once those are done that look at every loop device, as LVM does."""
    ours = re.compile(rf"p2v-\w+-{os.getpid()}-")
    until = time.monotonic() + 5
    while ours.search(Path("/proc/self/mountinfo").read_text() + run("losetup", "-a")):
        assert time.monotonic() < until, Path("/proc/self/mountinfo").read_text() + run("losetup", "-a")
        time.sleep(0.1)


def test_boot_and_esp_on_partitions_of_their_own(tmp_path: Path, machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    esp, boot, root = tmp_path / "esp", tmp_path / "boot", tmp_path / "root"
    fat(esp, tree(tmp_path / "t1", "=== /EFI/debian/shimx64.efi\nshim\n=== /EFI/debian/grubx64.efi\ngrub\n"))
    ext4(boot, tree(tmp_path / "t2", "=== /efi/\n" + _GRUB.format(place="/")), 16, "boot")
    described = f"{OLD_RELEASE}=== /boot/efi/\n=== /home/\n=== /etc/network/interfaces\niface eth0 inet dhcp\n"
    described += "=== /etc/fstab\n/dev/sda3 / ext4 defaults 0 1\nLABEL=boot /boot ext4 defaults 0 2\n"
    described += "/dev/sda1 /boot/efi vfat defaults 0 2\n"
    described += "UUID=0-0 /usr ext4 defaults 0 2\n/dev/sda9 /home ext4 defaults 0 2\n"
    uuid = ext4(root, tree(tmp_path / "t3", described), 32)
    disk = tmp_path / "old.img"
    starts = gpt(disk, [("U", esp), ("L", boot), ("L", root)])
    before = sha(disk)

    assert main(["convert", str(disk), "--plan", "--json", "--machine", str(machine)]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["systems"][0]["applied"] is False
    assert planned["remarks"] == ["/usr of the guest is on UUID=0-0, which was not found"]
    assert sha(disk) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "boot",
        "esp",
        "machine.json",
        "old.img",
        "root",
    ]

    image = tmp_path / "new.img"
    arguments = ["--repair", "--define", "--machine", str(machine), "--name", "old", "--bridge", "br7"]
    assert main(["convert", str(disk), "--to", str(image), "--format", "raw", *arguments]) == 0
    assert sha(disk) == before
    no_traces()
    new_root, new_boot = piece(image, starts[2], 32, tmp_path / "r"), piece(image, starts[1], 16, tmp_path / "b")
    assert f"UUID={uuid} / ext4" in cat(new_root, "/etc/fstab")
    assert "UUID=4A1B-2C3D /boot/efi vfat" in cat(new_root, "/etc/fstab")
    assert f"root=UUID={uuid} ro console=tty0" in cat(new_boot, "/grub/grub.cfg")
    assert MAC0 in cat(new_root, "/etc/udev/rules.d/70-p2v-net.rules")
    assert cat(new_root, "/var/lib/p2v/report.txt") in (tmp_path / "new.img.repairs.txt").read_text()
    run("e2fsck", "-f", "-n", new_root)
    run("e2fsck", "-f", "-n", new_boot)
    listed = run("mdir", "-b", "-/", "-i", f"{image}@@{starts[0]}", "::/")
    assert "::/EFI/BOOT/BOOTX64.EFI" in listed and "::/EFI/BOOT/grubx64.efi" in listed
    assert run("mtype", "-i", f"{image}@@{starts[0]}", "::/EFI/BOOT/BOOTX64.EFI") == "shim"
    assert main(["verify", str(image)]) == 0
    assert f'"format=raw, vdev=xvda, access=rw, target={image}"' in (tmp_path / "old.cfg").read_text()
    assert f"mac={MAC0},bridge=br7" in (tmp_path / "old.cfg").read_text()
    assert "<name>old</name>" in (tmp_path / "old.xml").read_text()
    assert not list(tmp_path.glob("*.overlay"))


def test_a_root_in_pieces_of_two_disks_in_a_volume_group(tmp_path: Path) -> None:
    one, two = tmp_path / "one.img", tmp_path / "two.img"
    for path in (one, two):
        with path.open("wb") as file:
            file.truncate(40 * MIB)
    group = make_group(tmp_path, {"pv0": one, "pv1": two}, striped("root", (12, [("pv0", 20)]), (12, [("pv1", 3)])))
    described = OLD_RELEASE + f"=== /etc/fstab\n/dev/mapper/{group}-root / ext4 defaults 0 1\n=== /etc/blkid.tab\nx\n"
    ext4(tmp_path / "root", tree(tmp_path / "t", described), 24)
    data = (tmp_path / "root").read_bytes()
    patch(one, 21 * MIB, data[: 12 * MIB])
    patch(two, 4 * MIB, data[12 * MIB :])
    before = (sha(one), sha(two))
    out = tmp_path / "out"
    out.mkdir()
    assert main(["convert", str(one), str(two), "--repair", "--to", str(out), "--format", "raw"]) == 0
    assert (sha(one), sha(two)) == before
    no_traces()
    merged = tmp_path / "merged"
    with (out / "one.img").open("rb") as first, (out / "two.img").open("rb") as second:
        first.seek(21 * MIB)
        second.seek(4 * MIB)
        merged.write_bytes(first.read(12 * MIB) + second.read(12 * MIB))
    run("e2fsck", "-f", "-n", merged)
    assert "remove /etc/blkid.tab" in cat(merged, "/var/lib/p2v/report.txt")
    assert "/etc/blkid.tab" in cat(merged, "/var/lib/p2v/undo")


@pytest.mark.parametrize("stale", [False, True])
def test_both_halves_of_a_mirror_are_repaired_and_a_stale_one_is_left(tmp_path: Path, stale: bool) -> None:
    described = OLD_RELEASE + "=== /etc/fstab\n/dev/md0 / ext4 defaults 0 1\n=== /etc/blkid.tab\nx\n"
    ext4(tmp_path / "root", tree(tmp_path / "t", described), 24)
    disks = [tmp_path / "one.img", tmp_path / "two.img"]
    for number, disk in enumerate(disks):
        part = tmp_path / f"part{number}"
        part.write_bytes(bytes(26 * MIB))
        # The first half was left out of the array some time ago.
        patch(part, 4096, mirror_half(number, MIB, 24 * MIB, events=5 if stale and number == 0 else 9))
        put(part, tmp_path / "root", MIB)
        assert "Raid Level : raid1" in run("mdadm", "--examine", part)
        (start,) = gpt(disk, [("R", part)])
    out = tmp_path / "out"
    out.mkdir()
    assert main(["convert", *map(str, disks), "--repair", "--to", str(out), "--format", "raw"]) == 0
    halves = [piece(out / disk.name, start + MIB, 24, tmp_path / f"half{number}") for number, disk in enumerate(disks)]
    run("e2fsck", "-f", "-n", halves[1])
    assert "remove /etc/blkid.tab" in cat(halves[1], "/var/lib/p2v/report.txt")
    assert (sha(halves[0]) == sha(halves[1])) is not stale
    assert (sha(halves[0]) == sha(tmp_path / "root")) is stale
    no_traces()


def test_a_root_in_a_subvolume_of_btrfs(tmp_path: Path) -> None:
    top = tmp_path / "t"
    tree(
        top / "@",
        OLD_RELEASE + "=== /boot/\n=== /etc/fstab\n/dev/sda1 / btrfs subvol=@ 0 0\n/dev/sda1 /boot btrfs subvol=/@boot 0 0\n",
    )
    tree(top / "@boot", _GRUB.format(place="/").replace("sda3", "sda1"))
    part = tmp_path / "part"
    with part.open("wb") as file:
        file.truncate(160 * MIB)
    run("mkfs.btrfs", "-q", "-f", "--rootdir", top, part)
    uuid = run("blkid", "-o", "value", "-s", "UUID", part).strip()
    disk, image = tmp_path / "old.img", tmp_path / "new.img"
    (start,) = gpt(disk, [("L", part)])
    assert main(["convert", str(disk), "--repair", "--to", str(image), "--format", "raw"]) == 0
    no_traces()
    new = piece(image, start, 160, tmp_path / "new")
    out = tmp_path / "restored"
    out.mkdir()
    run("btrfs", "restore", new, out)
    assert f"UUID={uuid} / btrfs subvol=@" in (out / "@/etc/fstab").read_text()
    said = (tmp_path / "new.img.repairs.txt").read_text()
    assert "as PV or PVH it does not start, since GRUB for Xen does not find its menu; run it as HVM" in said
    assert f"root=UUID={uuid}" in (out / "@boot/grub/grub.cfg").read_text()


def hostile(tmp_path: Path, script: str, fstab: str = "", more: str = "") -> Path:
    """A disk whose guest has this program to build its initramfs."""
    described = OLD_RELEASE + "=== /etc/fstab\n/dev/sda1 / ext4 defaults 0 1\n" + fstab + more
    described += "=== /etc/initramfs-tools/initramfs.conf\nMODULES=dep\n=== /usr/sbin/mkinitramfs\nx\n"
    described += "=== /boot/vmlinuz-1.0\nk\n=== /boot/initrd.img-1.0\nold\n"
    described += "=== /lib/modules/1.0/modules.dep\nkernel/virtio_blk.ko:\nkernel/ahci.ko:\nkernel/xen-blkfront.ko:\n"
    described += "=== /boot/grub/grub.cfg\n\tlinux /boot/vmlinuz-1.0 root=/dev/sda1\n\tinitrd /boot/initrd.img-1.0\n"
    described += f"=== /usr/sbin/update-initramfs\n#!/bin/sh\n{script}\n"
    root = tree(tmp_path / "t", described)
    shell(root)
    (root / "usr/sbin/update-initramfs").chmod(0o755)
    ext4(tmp_path / "root", root, 48)
    gpt(tmp_path / "old.img", [("L", tmp_path / "root")])
    return tmp_path / "old.img"


def test_a_guest_whose_program_attacks_is_contained_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "outside").write_text("outside")
    attacks = (
        f"cat /../../../..{tmp_path}/outside {tmp_path}/old.img /proc/1/root{tmp_path}/outside\nls /dev\n"
        "mknod /dev/disk b 254 0; cat /dev/disk >/dev/null; mknod /x b 7 0; cat /x\necho 'FAILED as it should' >&2\nexit 7"
    )
    disk = hostile(tmp_path, attacks)
    before = sha(disk)
    assert main(["convert", str(disk), "--repair", "--to", str(tmp_path / "new.img"), "--format", "raw"]) == 1
    said = capsys.readouterr().err
    assert "Old Debian could not be made ready for a virtual machine: run update-initramfs" in said
    assert "it ended with status 7" in said
    assert "  -> nothing was sent" in said
    assert sha(disk) == before
    assert not (tmp_path / "new.img").exists() and not list(tmp_path.glob("new.img*"))
    no_traces()


def test_a_guest_whose_program_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from p2v.guest.changes import RunInGuest

    monkeypatch.setattr(RunInGuest.__init__, "__defaults__", ("", (), 2.0))
    disk = hostile(tmp_path, "trap '' TERM\nwhile :; do sleep 77777; done")
    assert main(["convert", str(disk), "--repair", "--to", str(tmp_path / "new.img"), "--format", "raw"]) == 1
    assert "it did not end within 2 s, and was ended" in capsys.readouterr().err
    no_traces()


def test_a_guest_whose_fstab_and_links_lead_out_changes_nothing_outside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fstab = "/dev/sda1 /boot/../../../../../etc ext4 x 0 0\n/dev/sda1 /usr/out ext4 x 0 0\n/dev/sda1 /var/lib/p2v ext4 x 0 0\n"
    more = "=== /usr/out -> ../../../../../../../../../tmp\n=== /etc/udev -> /../../../etc/udev-of-ours\n"
    more += "=== /etc/blkid.tab -> /etc/fstab\n"
    disk = hostile(tmp_path, "echo new > /boot/initrd.img-1.0", fstab, more)
    before = sha(disk)
    assert main(["convert", str(disk), "--repair", "--to", str(tmp_path / "new.img"), "--format", "raw"]) == 0, (
        capsys.readouterr().err
    )
    assert sha(disk) == before
    assert not Path("/etc/udev-of-ours").exists()
    no_traces()


def test_a_stopped_conversion_goes_on_with_its_repairs(tmp_path: Path) -> None:
    import subprocess
    import sys

    from p2v.journal import journal_of

    root = tree(tmp_path / "t", OLD_RELEASE + "=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n")
    (root / "big").write_bytes(os.urandom(6 * MIB))
    ext4(tmp_path / "root", root, 24)
    disk, image = tmp_path / "old.img", tmp_path / "new.img"
    (start,) = gpt(disk, [("L", tmp_path / "root")])
    command = [sys.executable, "-m", "p2v", "convert", str(disk), "--repair", "--to", str(image), "--format", "raw"]
    process = subprocess.Popen([*command, "--limit", "1M"], stderr=subprocess.PIPE)
    while not journal_of(image).exists():
        assert process.poll() is None
    process.terminate()
    assert process.wait() == 4
    assert (tmp_path / "new.img.0.overlay").exists()
    assert main(["convert", str(disk), "--repair", "--to", str(image), "--format", "raw", "--resume"]) == 0
    assert "UUID=" in cat(piece(image, start, 24, tmp_path / "n"), "/etc/fstab")
    assert not (tmp_path / "new.img.0.overlay").exists()
    no_traces()


def test_a_repair_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = hostile(tmp_path, "sleep 77777")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("p2v.guest.repair.run_in_guest", stop)
    assert main(["convert", str(disk), "--repair", "--to", str(tmp_path / "new.img"), "--format", "raw"]) == 4
    assert not list(tmp_path.glob("new*"))
    no_traces()


def test_without_root_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "old.img").write_bytes(bytes(MIB))
    assert main(["convert", str(tmp_path / "old.img"), "--repair", "--to", str(tmp_path / "new.img")]) == 2
    assert "repairs mount the file systems of the disks, which takes root" in capsys.readouterr().err


def test_disks_without_a_system_are_not_called_repaired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ext4(tmp_path / "data", tree(tmp_path / "t", "=== /data\nx\n"), 16)
    gpt(tmp_path / "old.img", [("L", tmp_path / "data")])
    assert main(["convert", str(tmp_path / "old.img"), "--repair", "--to", str(tmp_path / "new.img")]) == 3
    assert "no system was found on the disks that could be repaired" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.glob("new*")) == []
