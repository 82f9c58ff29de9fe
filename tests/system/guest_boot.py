"""How old machines start: GRUB put together by their own tools, onto disks that no kernel here has to know."""

import shutil
import subprocess
from pathlib import Path

from tests.p2v.disks import put, run
from xeninstall.apply.bios_boot import patched

MIB = 1 << 20
_BIOS = ["biosdisk", "part_msdos", "part_gpt", "search_fs_uuid", "normal", "configfile", "linux", "echo"]
_UEFI = ["part_gpt", "part_msdos", "fat", "search_fs_uuid", "normal", "configfile", "linux", "echo"]


def grub(root: Path, target: str, uuid: str, modules: list[str], prefix: str = "/boot/grub") -> bytes:
    """The core image (`i386-pc`) or program (`x86_64-efi`) that finds its menu on the file system with this UUID."""
    (root / "early.cfg").write_text(f"search.fs_uuid {uuid} root\nset prefix=($root){prefix}\n")
    shutil.copytree(root / "usr/lib/grub" / target, root / "boot/grub" / target)
    named = [*(_BIOS if target == "i386-pc" else _UEFI), *modules]
    argv = ["grub-mkimage", "-O", target, "-o", "/grub.made", "-p", prefix, "-c", "/early.cfg", *named]
    subprocess.run(["chroot", root, *argv], check=True, capture_output=True)
    made = (root / "grub.made").read_bytes()
    for name in ("early.cfg", "grub.made"):
        (root / name).unlink()
    return made


def menu(root: Path, kernel: str, words: str, place: str = "/boot") -> None:
    """The menu that an old machine has; `place` is where GRUB finds kernels."""
    (root / "boot/grub").mkdir(exist_ok=True)
    (root / "boot/grub/grub.cfg").write_text(
        f"set timeout=0\nmenuentry 'Debian' {{\n\tlinux\t{place}/vmlinuz-{kernel} {words} console=ttyS0,115200\n"
        f"\tinitrd\t{place}/initrd.img-{kernel}\n}}\n"
    )


def boot_code(disk: Path, root: Path, core: bytes) -> None:
    """Into the MBR and the gap behind it."""
    boot, core = patched((root / "usr/lib/grub/i386-pc/boot.img").read_bytes(), core, 1)
    assert len(core) < MIB - 512
    with disk.open("r+b") as raw:
        head = raw.read(512)
        raw.seek(0)
        raw.write(boot[:440] + head[440:] + core)


def esp(folder: Path, files: dict[str, bytes], mib: int = 64) -> Path:
    """An EFI system partition with these files."""
    part = blank(folder / "esp.part", mib)
    run("mkfs.vfat", "-F", "32", part)
    made: set[Path] = set()
    for name, data in files.items():
        for parent in reversed(Path(name).parents[:-1]):
            if parent not in made:
                run("mmd", "-i", part, f"::/{parent}")
                made.add(parent)
        (folder / "esp.file").write_bytes(data)
        run("mcopy", "-i", part, folder / "esp.file", f"::/{name}")
        (folder / "esp.file").unlink()
    return part


def disk_of(disk: Path, label: str, parts: list[tuple[str, Path]]) -> Path:
    """A disk of these parts, each with its type for sfdisk; the parts are gone after."""
    starts, place, lines = [], MIB, [f"label: {label}"]
    for kind, part in parts:
        starts.append(place)
        lines.append(f"start={place // 512}, size={part.stat().st_size // 512}, type={kind}")
        place += -(-part.stat().st_size // MIB) * MIB
    blank(disk, place // MIB + 1)
    run("sfdisk", "-q", "--no-reread", disk, stdin="\n".join(lines) + "\n")
    for (_, part), start in zip(parts, starts, strict=True):
        put(disk, part, start)
        part.unlink()
    return disk


def blank(path: Path, mib: int) -> Path:
    """A file of zeros."""
    with path.open("wb") as file:
        file.truncate(mib * MIB)
    return path
