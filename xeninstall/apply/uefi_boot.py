"""GRUB for UEFI: Debian's signed shim and GRUB on the ESP, written by mtools so that no vfat driver is needed."""

import logging
import re
import tempfile
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import MissingTool, Runner
from xeninstall.plan.model import FillEsp, PlannedDisk, RegisterBootEntry

from .host_files import inside

log = logging.getLogger("xeninstall.uefi")


def fill(action: FillEsp, device: str, root: Path, runner: Runner) -> None:
    """Copy the files, then read each back and compare."""
    with tempfile.TemporaryDirectory(prefix="xeninstall-esp-") as scratch:
        wanted = {path: inside(root, source) for path, source in action.copies.items()}
        for number, (path, text) in enumerate(action.texts.items()):
            wanted[path] = Path(scratch) / f"text{number}"
            wanted[path].write_text(text)
        for directory in _directories(list(wanted)):
            if runner.run(["mdir", "-i", device, f"::/{directory}"], check=False).status != 0:
                runner.run(["mmd", "-i", device, f"::/{directory}"])
        back = Path(scratch) / "back"
        for path, source in wanted.items():
            if not source.is_file():
                raise Error(f"the system image lacks {source.relative_to(root)}", hint="build the system image again")
            runner.run(["mcopy", "-o", "-i", device, str(source), f"::/{path}"])
            back.unlink(missing_ok=True)
            runner.run(["mcopy", "-o", "-i", device, f"::/{path}", str(back)])
            if back.read_bytes() != source.read_bytes():
                raise Error(
                    f"the ESP {device} does not return what was written to it", hint="the disk is defective: use another one"
                )


def put_text(device: str, path: str, text: str, runner: Runner) -> None:
    """Write one small file at the top of an ESP, replacing it."""
    with tempfile.NamedTemporaryFile("w", prefix="xeninstall-esp-") as file:
        file.write(text)
        file.flush()
        runner.run(["mcopy", "-o", "-i", device, file.name, f"::/{path}"])


def drop(device: str, path: str, runner: Runner) -> None:
    """Remove one file from the top of an ESP; its not being there is fine."""
    runner.run(["mdel", "-i", device, f"::/{path}"], check=False)


def register(action: RegisterBootEntry, disk: PlannedDisk, runner: Runner) -> str:
    """Add a boot entry, in place of those that earlier installations left under the same name; returns a warning when the
    firmware refuses, since the removable path boots without one.
    """
    _remove_entries(action.label, runner)
    # fmt: off
    argv = [
        "efibootmgr", "--quiet", "--create", "--disk", disk.path, "--part", str(action.partition),
        "--label", action.label, "--loader", "\\EFI\\debian\\shimx64.efi",
    ]
    # fmt: on
    try:
        done = runner.run(argv, check=False)
    except MissingTool as error:
        said = error.message
    else:
        if done.status == 0:
            return ""
        log.warning("efibootmgr: %s", done.stderr.strip())
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"the firmware took no boot entry ({said}); it will find EFI/BOOT/BOOTX64.EFI by itself"


def _remove_entries(label: str, runner: Runner) -> None:
    try:
        listed = runner.run(["efibootmgr"], check=False).stdout
    except MissingTool:
        return
    for number in re.findall(rf"^Boot([0-9A-F]{{4}})[* ] {re.escape(label)}(?:\t.*)?$", listed, re.MULTILINE):
        runner.run(["efibootmgr", "--quiet", "--delete-bootnum", "--bootnum", number], check=False)


def _directories(paths: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for path in paths:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            found["/".join(parts[:depth])] = None
    return list(found)
