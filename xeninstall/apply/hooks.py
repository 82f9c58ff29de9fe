"""The user's scripts on the installer, and package sets inside the host. A script's text may hold
secrets: it lies in a file that only root reads, for as long as the script runs. What the script prints is kept in the log.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import CommandError, Completed, Runner
from xeninstall.packs.debs import install_command
from xeninstall.plan.hooks import POOL
from xeninstall.plan.model import InstallPackages, RunHook

from .host_files import inside
from .target import Target


class HookError(Error):
    """A script of the user's failed."""


def run_hook(action: RunHook, root: Path | None, runner: Runner) -> None:
    """Run a script, with the mounted root in XENINSTALL_ROOT when there is one. Raises HookError."""
    with tempfile.TemporaryDirectory(prefix="xeninstall-hook-") as scratch:
        script = Path(scratch) / action.name
        descriptor = os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
        with os.fdopen(descriptor, "w") as file:
            file.write(action.script.get_secret_value())
        environment = [f"XENINSTALL_HOOK={action.name}", *([f"XENINSTALL_ROOT={root}"] if root else [])]
        try:
            runner.run(["env", *environment, str(script)])
        except CommandError as error:
            hint = "mend the script, then use --resume" if root else "mend the script; nothing was written"
            raise HookError(f"the hook {action.name} failed with status {error.status}: {error.said}", hint=hint) from None


def install_packages(action: InstallPackages, target: Target) -> None:
    """Install a set's .deb files from the pool inside the image."""
    root = target.root()
    files = [f"{POOL}/{name}" for name in action.debs]
    missing = [name for name in files if not inside(root, name).is_file()]
    if missing:
        raise Error(f"the system image lacks {missing[0]}", hint="build the system image again")
    install_debs(files, target)


def install_debs(files: Sequence[str], target: Target, *, check: bool = True) -> Completed:
    """Install .deb files of the host (by path there) with its own apt, offline, without starting services."""
    policy = inside(target.root(), "/usr/sbin/policy-rc.d")
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        return target.run_in_host(install_command(files), check=check)
    finally:
        policy.unlink()
