"""The directory for a web server: what iPXE starts, and what the initramfs fetches, by the same list that checks a medium."""

import shutil
from pathlib import Path

from iso.builder import Build, every_path, write

from .parts import Parts
from .tree import ANSWERS, SUMS, place, put_answers, sums

_FETCHED = ("live/system.squashfs", "live/system.json", "live/live.squashfs", "live/packages.txt", "README.txt")
_README = """Starting the boot medium over the network
=========================================

Put this directory on any web server (http, no more is asked of it), and let iPXE chain to boot.ipxe in it:

  dhcp
  set base http://server/xeninstall
  chain ${base}/boot.ipxe

Machines whose firmware speaks PXE alone get iPXE (Debian's package ipxe: undionly.kpxe, ipxe.efi) by TFTP first:

  dnsmasq:  dhcp-match=set:ipxe,175
            dhcp-boot=tag:!ipxe,undionly.kpxe
            dhcp-boot=tag:ipxe,http://server/xeninstall/boot.ipxe

The kernel's words are in boot.ipxe; xeninstall-boot(7) lists them. A fleet sets, for example:

  xeninstall.mode=install xeninstall.answers=http://server/answers/serial/{serial}.toml

python -m iso.build --netboot --answers FILE puts answers into this directory: every machine that is started from it installs
by itself. A machine needs memory for all files of live/ and 768 MiB: the medium lies in memory then.
Under Secure Boot iPXE does not start; use the ISO there.
"""


def assemble(whole: Path, target: Path, parts: Parts, build: Build) -> None:
    """Make the directory from a sealed tree of the medium, and put it in the place of an older one."""
    made = build.work / "netboot"
    for name in _FETCHED:
        place(whole / name, made / name)
    place(parts.boot / "vmlinuz", made / "vmlinuz")
    place(parts.boot / "netboot.img", made / "initrd.img")
    script = (build.source / "iso/boot/boot.ipxe").read_text(encoding="utf-8")
    write(made / "boot.ipxe", script)
    write(made / "README.txt", _README)
    seal(made)
    old = build.work / "old"
    if target.exists():
        target.rename(old)
    made.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def seal(folder: Path) -> None:
    """List what is to be fetched: everything below live/, the answers if there are some, and nothing that iPXE brings."""
    names = [str(path.relative_to(folder)) for path in every_path(folder) if path.is_file()]
    write(folder / SUMS, sums(folder, [name for name in names if name.startswith("live/") or name == ANSWERS]))
    for path in every_path(folder):
        path.chmod(0o755 if path.is_dir() else 0o644)


def set_answers(folder: Path, answers: bytes | None) -> None:
    """Answers into a finished directory, or out of it."""
    if answers is None and not (folder / ANSWERS).exists():
        return
    put_answers(folder, answers)
    seal(folder)
