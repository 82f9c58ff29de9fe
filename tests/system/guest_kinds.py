"""Old machines of several kinds, each with device names, one machine's drivers, and a network of its own way.

Together they have every kind of root, network and initramfs that is converted and started by test_guest_kinds.py.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from p2v.cli import main
from p2v.guest.changes import RunInGuest
from p2v.guest.jail import run_in_guest
from p2v.guest.tree import RootTree
from p2v.source.sectors import Sectors
from tests.p2v.disks import put, run, sha
from tests.p2v.raid import mirror_half
from xeninstall.base.run import SystemRunner
from xeninstall.machine.model import Machine as Inventory
from xeninstall.machine.model import Nic

from .guest_boot import MIB, blank, boot_code, disk_of, esp, grub, menu
from .guest_disk import MAC, PASSWORD, debian_root, lived_in, old_drivers

_RECORDED = Path(__file__).parent.parent / "data" / "machines" / "bios-two-disks.json"
PASSPHRASE = "correct horse"
_ADDRESS, _GATEWAY = "192.0.2.77/24", "192.0.2.1"
_ROOT_UUID = "2e3d4c5b-6a79-4887-96a5-b4c3d2e1f001"
_BOOT_UUID = "2e3d4c5b-6a79-4887-96a5-b4c3d2e1f002"


@dataclass(frozen=True)
class Kind:
    """One of them. `broken` is what its console says on virtio when nothing was repaired; `root` is what findmnt says."""

    name: str
    make: Callable[[Path], list[Path]]
    firmware: str
    broken: str
    root: str
    passphrase: str = ""


def converted(old: list[Path], place: Path, passphrase: str = "", defined: Sequence[str] = ()) -> list[Path]:
    """The repaired images, and in their folder what `defined` asks for; the old disks have the same digests after, and go."""
    place.mkdir()
    recorded = Inventory.from_json(_RECORDED.read_text())
    small = {"cpu": recorded.cpu.model_copy(update={"sockets": 1, "cores": 1, "threads": 1}), "memory_bytes": 768 * MIB}
    changed = recorded.model_copy(update={**small, "nics": (Nic(name="eno7", mac=MAC),)})
    (place / "machine.json").write_text(changed.to_json())
    (place / "passphrase").write_text(f"{passphrase}\n")
    before = [sha(disk) for disk in old]
    machine = ["--machine", f"{place}/machine.json", *(["--unlock", f"file:{place}/passphrase"] if passphrase else [])]
    assert main(["convert", *map(str, old), "--repair", *machine, *defined, "--format", "raw", "--to", f"{place}/"]) == 0
    assert [sha(disk) for disk in old] == before
    for disk in old:
        disk.unlink()
    return [place / disk.name for disk in old]


def _luks(folder: Path) -> list[Path]:
    """Debian 12, MBR and BIOS: /boot apart, a root in LUKS2 with large sectors; NetworkManager, initramfs-tools, MODULES=dep."""
    root = debian_root(folder, "luks", "bookworm")
    kernel = _common(root, "old-luks")
    (root / "etc/fstab").write_text("/dev/mapper/sda2_crypt / ext4 errors=remount-ro 0 1\n/dev/sda1 /boot ext4 defaults 0 2\n")
    (root / "etc/crypttab").write_text("sda2_crypt /dev/sda2 none luks,discard,initramfs\n")
    connections = root / "etc/NetworkManager/system-connections"
    connections.mkdir(parents=True, exist_ok=True)
    profile = connections / "lan.nmconnection"
    profile.write_text(
        "[connection]\nid=lan\nuuid=9a1d1f7c-2f0e-4b6c-8d51-0d7b6a1e2c3f\ntype=ethernet\ninterface-name=eno7\n\n"
        f"[ipv4]\nmethod=manual\naddress1={_ADDRESS},{_GATEWAY}\n\n[ipv6]\nmethod=disabled\n"
    )
    profile.chmod(0o600)
    old_drivers(root, kernel, "ahci\nsd_mod\next4\ndm_crypt\n")
    menu(root, kernel, "root=/dev/mapper/sda2_crypt ro", place="")
    core = grub(root, "i386-pc", _BOOT_UUID, ["ext2"], prefix="/grub")
    boot = _ext4(folder, "boot", _BOOT_UUID, _apart(root, "boot"), 256)
    disk = disk_of(folder / "old.img", "dos", [("83, bootable", boot), ("83", _encrypted(folder, root, 1500))])
    boot_code(disk, root, core)
    shutil.rmtree(root)
    return [disk]


def _btrfs(folder: Path) -> list[Path]:
    """Debian 13, GPT and UEFI: subvolumes of btrfs; netplan, a host-only dracut."""
    root = debian_root(folder, "btrfs", "trixie")
    kernel = _common(root, "old-btrfs")
    (root / "boot/efi").mkdir(exist_ok=True)
    (root / "etc/fstab").write_text(
        "/dev/sda2 / btrfs defaults,subvol=@rootfs 0 0\n/dev/sda2 /home btrfs defaults,subvol=@home 0 0\n"
        "/dev/sda1 /boot/efi vfat umask=0077 0 1\n"
    )
    plan = root / "etc/netplan/01-lan.yaml"
    plan.parent.mkdir(exist_ok=True)
    plan.write_text(
        "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    eno7:\n"
        f"      addresses: [{_ADDRESS}]\n      routes: [{{to: default, via: {_GATEWAY}}}]\n"
    )
    plan.chmod(0o600)
    run("systemctl", f"--root={root}", "enable", "systemd-networkd")
    (root / "etc/dracut.conf.d").mkdir(exist_ok=True)
    (root / "etc/dracut.conf.d/host.conf").write_text('hostonly="yes"\n')
    _host_only_dracut(root, kernel)
    words = "root=/dev/sda2 rootflags=subvol=@rootfs ro rd.retry=20 rd.shell=0 panic=1"
    menu(root, kernel, words, place="/@rootfs/boot")
    # The loader is where any firmware finds it, so that the machine fails at its initramfs and nowhere before.
    program = grub(root, "x86_64-efi", _ROOT_UUID, ["btrfs"], prefix="/@rootfs/boot/grub")
    system = esp(folder, {"EFI/debian/grubx64.efi": program, "EFI/BOOT/BOOTX64.EFI": program})
    part = blank(folder / "root.part", 1800)
    run("mkfs.btrfs", "-q", "-U", _ROOT_UUID, part)
    with _mounted(part, folder) as at:
        for name in ("@rootfs", "@home"):
            run("btrfs", "subvolume", "create", at / name)
        run("cp", "-a", f"{root}/.", at / "@rootfs")
        (at / "@home/kept").write_text("kept\n")
    shutil.rmtree(root)
    return [disk_of(folder / "old.img", "gpt", [("U", system), ("L", part)])]


def _mirror(folder: Path) -> list[Path]:
    """Debian 11, two disks, MBR and BIOS: a root on a mirror of md; ifupdown, initramfs-tools with MODULES=dep."""
    root = debian_root(folder, "mirror", "bullseye")
    kernel = _common(root, "old-mirror")
    (root / "etc/fstab").write_text("/dev/md0 / ext4 errors=remount-ro 0 1\n")
    identity = bytes(range(16))
    named = ":".join(identity[start : start + 4].hex() for start in range(0, 16, 4))
    (root / "etc/mdadm/mdadm.conf").write_text(
        "DEVICE /dev/sda1 /dev/sdb1\nHOMEHOST <system>\nMAILADDR root\n"
        f"ARRAY /dev/md0 metadata=1.2 UUID={named} devices=/dev/sda1,/dev/sdb1\n"
    )
    (root / "etc/network/interfaces").write_text(
        f"auto lo\niface lo inet loopback\nauto eno7\niface eno7 inet static\n  address {_ADDRESS}\n  gateway {_GATEWAY}\n"
    )
    old_drivers(root, kernel, "ahci\nsd_mod\next4\nraid1\nmd_mod\n")
    menu(root, kernel, "root=/dev/md0 ro")
    core = grub(root, "i386-pc", _ROOT_UUID, ["ext2", "mdraid1x"])
    data = _ext4(folder, "data", _ROOT_UUID, root, 1300)
    disks = []
    for number in (0, 1):
        part = blank(folder / f"half{number}.part", 1301)
        with part.open("r+b") as file:
            file.seek(4096)
            file.write(mirror_half(number, MIB, data.stat().st_size, events=9))
        put(part, data, MIB)
        disks.append(disk_of(folder / f"old{number}.img", "dos", [("fd, bootable", part)]))
        boot_code(disks[-1], root, core)
    data.unlink()
    shutil.rmtree(root)
    return disks


def _common(root: Path, name: str) -> str:
    (root / "etc/hostname").write_text(f"{name}\n")
    lived_in(root)
    subprocess.run(["chroot", root, "chpasswd"], input=f"root:{PASSWORD}\n", text=True, check=True)
    settings = root / "etc/initramfs-tools/initramfs.conf"
    if settings.exists():
        settings.write_text("MODULES=dep\nBUSYBOX=auto\nCOMPRESS=gzip\nRUNSIZE=10%\nFSTYPE=auto\n")
    return next((root / "lib/modules").iterdir()).name


def _host_only_dracut(root: Path, kernel: str) -> None:
    """As the machine itself made it, which had AHCI; what it would find here is this machine's hardware, so it is told."""
    tree = RootTree(root)
    drivers = ("--add-drivers", "ahci sd_mod btrfs")
    argv = ("dracut", "--force", "--hostonly", *drivers, f"/boot/initrd.img-{kernel}", kernel)
    ran = run_in_guest(tree, RunInGuest(argv, "as the machine itself did", f"/boot/initrd.img-{kernel}"), SystemRunner())
    tree.close()
    assert ran.problem == "", ran.output


def _encrypted(folder: Path, tree: Path, mib: int) -> Path:
    """An ext4 of the tree in LUKS2."""
    plain = _ext4(folder, "plain", _ROOT_UUID, tree, mib)
    part, key = blank(folder / "luks.part", mib + 16), os.urandom(64)
    (folder / "key").write_bytes(key)
    argv = ["cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", "--sector-size", "4096", "--key-file", "-"]
    argv += ["--pbkdf", "argon2id", "--pbkdf-memory", "32768", "--pbkdf-force-iterations", "4"]
    argv += ["--volume-key-file", str(folder / "key"), str(part)]
    subprocess.run(argv, input=PASSPHRASE.encode(), check=True, capture_output=True)
    (folder / "key").unlink()
    sectors, place = Sectors("aes-xts-plain64", key, 4096, 0), 0
    with plain.open("rb") as source, part.open("r+b") as closed:
        while block := source.read(8 * MIB):
            closed.seek(16 * MIB + place)
            closed.write(sectors.encrypt(place, block))
            place += len(block)
    plain.unlink()
    return part


def _apart(root: Path, name: str) -> Path:
    """A folder of the root, for a file system of its own."""
    to = root.parent / f"{name}.tree"
    shutil.move(root / name, to)
    (root / name).mkdir()
    return to


def _ext4(folder: Path, name: str, uuid: str, tree: Path, mib: int) -> Path:
    part = blank(folder / f"{name}.part", mib)
    run("mkfs.ext4", "-q", "-F", "-U", uuid, "-d", tree, part)
    return part


@contextmanager
def _mounted(part: Path, folder: Path) -> Iterator[Path]:
    at = folder / "mounted"
    at.mkdir()
    run("mount", "-o", "loop", part, at)
    try:
        yield at
    finally:
        run("umount", at)


KINDS = (
    Kind("mirror", _mirror, "bios", r"\(initramfs\) |Gave up waiting for root", r"/dev/md0 ext4"),
    Kind("luks", _luks, "bios", r"\(initramfs\) |Gave up waiting for", r"/dev/mapper/sda2_crypt ext4", passphrase=PASSPHRASE),
    Kind(
        "btrfs",
        _btrfs,
        "uefi",
        r"dracut-initqueue.*timeout|Timed out waiting for|mergency|panic",
        r"/dev/[sv]da2\[/@rootfs\] btrfs",
    ),
)
