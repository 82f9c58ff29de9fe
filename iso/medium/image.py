"""The hybrid image: one file that a BIOS starts from CD or disk, UEFI with Secure Boot from CD or disk, and any system reads.

BIOS: El Torito GRUB, and its hybrid MBR. UEFI: shim and Debian's signed GRUB on an EFI system partition that is appended
to the image and is El Torito's second entry at once. With equal trees the bytes are equal.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from iso.builder import SOURCE_DATE_EPOCH, BuildError, every_path
from xeninstall.base.errors import Error
from xeninstall.base.run import CommandError, Runner

VOLUME = "XENINSTALL"
TOOLS = ("xorriso", "mkfs.vfat", "mmd", "mcopy")
_ESP_VOLUME_ID = "58454e31"
_MIB = 2**20
# FAT has no time zone, and mtools and xorriso would take this machine's.
_DATED = ("env", "TZ=UTC0", f"SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH}")


def assemble(tree: Path, image: Path, work: Path, runner: Runner) -> None:
    """Write the image of a sealed tree; raises BuildError when it could not be."""
    esp = work / "esp.img"
    stamp = datetime.fromtimestamp(SOURCE_DATE_EPOCH, UTC).strftime("%Y%m%d%H%M%S00")
    try:
        make_esp(tree, esp, runner)
        image.unlink(missing_ok=True)
        weights = work / "weights"
        weights.write_text(in_order(tree), encoding="utf-8")
        runner.run(xorriso(tree, image, esp, weights, stamp))
    except CommandError as error:
        raise BuildError(
            f"the image could not be written: {error.message}", hint="see what is free, then run it again"
        ) from error
    finally:
        esp.unlink(missing_ok=True)


def in_order(tree: Path) -> str:
    """Where each file's bytes come, as xorriso's weights: else they lie in the order of inode numbers, which is chance."""
    names = [f"/{path.relative_to(tree)}" for path in every_path(tree) if path.is_file()]
    return "".join(f"{weight} {name}\n" for weight, name in zip(range(len(names), 0, -1), names, strict=True))


def make_esp(tree: Path, esp: Path, runner: Runner) -> None:
    """The EFI system partition with what lies in EFI/BOOT of the tree."""
    files = sorted((tree / "EFI/BOOT").iterdir())
    size_bytes = sum(path.stat().st_size for path in files)
    esp.unlink(missing_ok=True)
    with esp.open("wb") as stream:
        stream.truncate((size_bytes // _MIB + 2) * _MIB)
    runner.run([*_DATED, "mkfs.vfat", "-i", _ESP_VOLUME_ID, "-n", "ESP", "--invariant", str(esp)])
    runner.run([*_DATED, "mmd", "-i", str(esp), "::/EFI", "::/EFI/BOOT"])
    runner.run([*_DATED, "mcopy", "-m", "-i", str(esp), *map(str, files), "::/EFI/BOOT/"])


def xorriso(tree: Path, image: Path, esp: Path, weights: Path, stamp: str) -> Sequence[str]:
    """The argument list. Partition 1 begins 16 blocks in, so that partition tools and Windows leave a stick of it alone."""
    # fmt: off
    return [
        *_DATED, "xorriso", "-as", "mkisofs", "-quiet", "-o", str(image), "-V", VOLUME, "-J", "-joliet-long", "-r",
        "-iso-level", "3", "--sort-weight-list", str(weights), f"--modification-date={stamp}",
        "--grub2-mbr", str(tree / "boot/grub/boot_hybrid.img"), "-partition_offset", "16", "--mbr-force-bootable",
        "-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
        "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
        "-append_partition", "2", "0xef", str(esp), "-appended_part_as_gpt", str(tree),
    ]
    # fmt: on


def extract(image: Path, tree: Path, runner: Runner) -> None:
    """The files of a medium's image; raises Error when it is none of ours."""
    runner.run([*_DATED, "xorriso", "-osirrox", "on", "-indev", str(image), "-extract", "/", str(tree)], check=False)
    if not (tree / "live/system.squashfs").is_file() or not (tree / "boot/grub/boot_hybrid.img").is_file():
        raise Error(f"{image} is no boot medium of xeninstall, or not a whole one", hint="name an image that make iso has made")
    # xorriso's own, made anew with every image.
    (tree / "boot.catalog").unlink(missing_ok=True)
    # The image's files are read-only, its directories, too.
    for path in every_path(tree):
        path.chmod(0o755 if path.is_dir() else 0o644)
