"""What was written, compared with what was to be written: nothing is called done because nobody complained."""

import hashlib
import stat
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.plan.model import CheckFilesystem, ExtendInitramfs, MakeLink, Plan, RebuildInitramfs, VerifyHost, WriteFile

from . import initramfs, packs
from .host_files import inside
from .target import Target

_HINT = "the target or the memory of this machine loses data: check both, then use --resume"


class VerifyError(Error):
    """Something is not as it was written."""


def verify_host(action: VerifyHost, plan: Plan, target: Target) -> int:
    """Check boot files by digest, every planned file and link, and grub.cfg; returns how many things were compared."""
    root = target.root()
    extended = {act.path for stage in plan.stages for act in stage.actions if isinstance(act, ExtendInitramfs)}
    rebuilt = {act.path for stage in plan.stages for act in stage.actions if isinstance(act, RebuildInitramfs)}
    for path, wanted in action.boot_files.items():
        place = inside(root, path)
        if not place.is_file():
            raise VerifyError(f"{path} is missing on the installed system", hint=_HINT)
        if path in rebuilt:
            continue  # it was looked into when it was built; no digest of it is known beforehand
        data = place.read_bytes()
        found = initramfs.base_digest(data) if path in extended else hashlib.sha256(data).hexdigest()
        if found != wanted:
            raise VerifyError(f"{path} arrived damaged: sha256 {found} instead of {wanted}", hint=_HINT)
    # The last writer of a path wins; only what it wrote is to be found.
    planned = {act.path: act for stage in plan.stages for act in stage.actions if isinstance(act, WriteFile | MakeLink)}
    for path, act in planned.items():
        place = inside(root, path)
        if isinstance(act, MakeLink):
            good = place.is_symlink() and str(place.readlink()) == act.to
        else:
            good = place.is_file() and place.read_bytes() == act.text.encode() and stat.S_IMODE(place.stat().st_mode) == act.mode
        if not good:
            raise VerifyError(f"{path} is not as it was written", hint=_HINT)
    for path in packs.damaged(plan, root):
        raise VerifyError(f"{path} is not as the pack has it", hint=_HINT)
    verify_grub(action, target, root)
    return len(action.boot_files) + len(planned) + 1


def verify_grub(action: VerifyHost, target: Target, root: Path) -> None:
    """GRUB's menu is a script that it understands, with Xen and this root. Raises Error."""
    target.run_in_host(("grub-script-check", "/boot/grub/grub.cfg"))
    text = (root / "boot/grub/grub.cfg").read_text()
    if action.root_uuid not in text or "multiboot2" not in text or "with Xen hypervisor" not in text:
        raise VerifyError(
            "GRUB's menu lacks Xen, or this root file system", hint="this is a defect: report it with `xeninstall logs`"
        )


def check_filesystem(action: CheckFilesystem, target: Target, runner: Runner) -> None:
    """Unmount, then check without repairing. Raises VerifyError with what the checker said."""
    target.unmount()
    node = target.device(action.device)
    argv = ["e2fsck", "-f", "-n", node] if action.fstype == "ext4" else ["fsck.vfat", "-n", node]
    done = runner.run(argv, check=False)
    if done.status != 0:
        said = (done.stdout + done.stderr).strip()[-400:]
        raise VerifyError(f"the file system on {node} is damaged right after it was written: {said}", hint=_HINT)
