"""What the medium has of Debian: packages above the host's, an initramfs for each way to start, boot code. Kept between builds.

It is made from the same Debian tree as the host's image, which stays as it is: packages are added to a copy, and what they
changed there becomes the layer.
"""

import filecmp
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iso.builder import Build, BuildError, every_path, write
from iso.configure import kernel_release
from iso.contained import run_inside
from iso.inputs import base_files, digest
from iso.lists import read_packages
from iso.normalise import normalise_tree
from xeninstall.base.run import CommandError

HERE = Path("iso/medium")
_INITRAMFS = Path("iso/boot/initramfs")
# Not part of the layer: what belongs to the installation of packages, not to them. /boot is the host's.
_SKIPPED = ("boot", "dev", "proc", "sys", "run", "tmp", "var/tmp", "var/log", "var/cache", "var/lib/apt", "var/lib/dpkg/lock")
# What the packages bring and nobody calls: xfs_scrub checks mounted file systems, and is alone in needing ICU, which is half of
# the layer; qemu-io tests drivers.
_LEFT_OUT = ("usr/sbin/xfs_scrub*", "usr/lib/x86_64-linux-gnu/libicu*", "usr/bin/qemu-io")
_NO_INITRAMFS = "etc/initramfs-tools/update-initramfs.conf"
# The hooks that this initramfs takes of the host's; RAID, LVM and microcode have no part in finding the medium.
_HOOKS = ("klibc-utils", "kmod", "udev", "zz-busybox")
_MAKE_INITRAMFS = f"""
mkdir /tmp/hooks
for hook in {" ".join(_HOOKS)}; do cp -p "/usr/share/initramfs-tools/hooks/$hook" /tmp/hooks; done
mount --bind /tmp/hooks /usr/share/initramfs-tools/hooks
TMPDIR=/tmp exec mkinitramfs -d /run/configuration -o "/run/out/$1" "$2"
"""
_GRUB_MODULES = (
    *("biosdisk", "iso9660", "part_msdos", "part_gpt", "search", "search_fs_file", "normal", "configfile", "test", "echo"),
    *("minicmd", "serial", "terminal", "linux", "chain", "regexp", "sleep", "reboot", "halt"),
)


@dataclass(frozen=True)
class Parts:
    """Where the kept parts lie."""

    place: Path

    @property
    def layer(self) -> Path:
        """The tree of the added packages."""
        return self.place / "layer"

    @property
    def boot(self) -> Path:
        """vmlinuz, both initramfs, boot code of both firmwares, the memory test."""
        return self.place / "boot"


def parts_of(build: Build) -> Parts:
    """The place for these inputs; nothing needs to be there yet."""
    inputs = [*base_files(build.source), *_files(build.source)]
    return Parts(build.output / "cache" / f"medium-{digest(build.source, inputs)[:16]}")


def _files(source: Path) -> list[Path]:
    initramfs = [path for path in (source / _INITRAMFS).rglob("*") if path.is_file()]
    return sorted([source / HERE / "parts.py", source / HERE / "packages.txt", *initramfs])


def make_parts(build: Build, base: Path, parts: Parts) -> None:
    """Make all of them in scratch, and keep them in the place of those of older inputs."""
    place = build.work / "parts"
    (place / "boot").mkdir(parents=True)
    build.say("packages of the medium …")
    _layer(build, base, place / "layer")
    build.say("its initramfs, with and without network …")
    release = kernel_release(base)
    _initramfs(build, base, place / "boot", "initrd.img", release)
    _initramfs(build, base, place / "boot", "netboot.img", release, network=True)
    shutil.copyfile(base / f"boot/vmlinuz-{release}", place / "boot/vmlinuz")
    build.say("boot code …")
    _boot_code(build, base, place / "boot")
    for old in parts.place.parent.glob("medium-*"):
        shutil.rmtree(old)
    place.rename(parts.place)


def _layer(build: Build, base: Path, layer: Path) -> None:
    tree = build.work / "tree"
    build.runner.run(["cp", "-a", "--reflink=auto", str(base), str(tree)])
    # The host's initramfs is not this tree's business, though packages would have it made anew.
    write(tree / _NO_INITRAMFS, "update_initramfs=no\n")
    names = read_packages(build.source / HERE / "packages.txt").base.names
    try:
        run_inside(build.runner, tree, ["apt-get", "-q", "-y", "install", "--no-install-recommends", *names])
        memtest = ["sh", "-ec", "cd /tmp && apt-get -q download memtest86+ && dpkg-deb -x memtest86+*.deb /run/memtest"]
        (build.work / "memtest").mkdir()
        run_inside(build.runner, tree, memtest, {"memtest": build.work / "memtest"})
    except CommandError as error:
        raise BuildError(
            f"the medium's packages could not be installed: {error.message[-400:]}",
            hint="check that this machine reaches Debian's mirror; when packages are not found there any more: --force",
        ) from error
    shutil.copy2(base / _NO_INITRAMFS, tree / _NO_INITRAMFS)
    take_difference(base, tree, layer)
    for path in (path for pattern in _LEFT_OUT for path in layer.glob(pattern)):
        path.unlink()
    normalise_tree(layer)
    shutil.rmtree(tree)


def take_difference(base: Path, tree: Path, layer: Path) -> None:
    """Move what `tree` has and `base` has not, or has otherwise, into `layer`. Raises BuildError when something is gone."""
    layer.mkdir()
    _like(tree, layer)
    for path in list(_changed(base, tree)):
        target = layer / path
        for folder in reversed(path.parents[:-1]):
            if not (layer / folder).is_dir():
                (layer / folder).mkdir()
                _like(tree / folder, layer / folder)
        if stat.S_ISDIR((tree / path).lstat().st_mode):
            target.mkdir(exist_ok=True)
            _like(tree / path, target)
        else:
            (tree / path).rename(target)
    gone = [path.relative_to(base) for path in every_path(base) if not _skipped(path.relative_to(base))]
    gone = [path for path in gone if not os.path.lexists(tree / path) and not os.path.lexists(layer / path)]
    if gone:
        raise BuildError(
            f"the medium's packages removed {gone[0]} of the host's", hint="leave out of iso/medium/packages.txt what does that"
        )


def _changed(base: Path, tree: Path) -> Iterator[Path]:
    for path in every_path(tree):
        name = path.relative_to(tree)
        if path != tree and not _skipped(name) and not _same(base / name, path):
            yield name


def _skipped(name: Path) -> bool:
    text = str(name)
    return text.endswith("-old") or any(text == skipped or text.startswith(f"{skipped}/") for skipped in _SKIPPED)


def _same(old: Path, new: Path) -> bool:
    if not os.path.lexists(old):
        return False
    before, after = old.lstat(), new.lstat()
    if (before.st_mode, before.st_uid, before.st_gid) != (after.st_mode, after.st_uid, after.st_gid):
        return False
    if stat.S_ISLNK(after.st_mode):
        return old.readlink() == new.readlink()
    if not stat.S_ISREG(after.st_mode):
        return True
    return before.st_size == after.st_size and (before.st_mtime_ns == after.st_mtime_ns or filecmp.cmp(old, new, shallow=False))


def _like(model: Path, path: Path) -> None:
    status = model.lstat()
    os.chown(path, status.st_uid, status.st_gid)
    path.chmod(stat.S_IMODE(status.st_mode))


def _initramfs(build: Build, base: Path, out: Path, name: str, release: str, *, network: bool = False) -> None:
    configuration = build.work / f"configuration-{name}"
    shutil.copytree(build.source / _INITRAMFS, configuration)
    (configuration / "conf.d").mkdir()
    for hook in (configuration / "hooks").iterdir():
        hook.chmod(0o755)
    if network:
        (configuration / "network").touch()
    argv = ["sh", "-ec", _MAKE_INITRAMFS, "initramfs", name, release]
    run_inside(build.runner, base, argv, {"configuration": configuration, "out": out})


def _boot_code(build: Build, base: Path, out: Path) -> None:
    core = ["grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-o", "/run/out/eltorito.img", *_GRUB_MODULES]
    run_inside(build.runner, base, core, {"out": out})
    for source, name in {
        base / "usr/lib/grub/i386-pc/boot_hybrid.img": "boot_hybrid.img",
        base / "usr/lib/shim/shimx64.efi.signed": "BOOTX64.EFI",
        base / "usr/lib/shim/mmx64.efi.signed": "mmx64.efi",
        base / "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed": "grubx64.efi",
        build.work / "memtest/boot/memtest86+x64.bin": "memtest86+x64.bin",
        build.work / "memtest/boot/memtest86+x64.efi": "memtest86+x64.efi",
    }.items():
        if not source.is_file():
            raise BuildError(f"{source.name} is not where Debian keeps it", hint="mend iso/medium/parts.py")
        shutil.copyfile(source, out / name)
