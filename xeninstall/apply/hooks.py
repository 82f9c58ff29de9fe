"""The user's scripts on the installer, and package sets inside the host. A script's text may hold
secrets: it lies in a file that only root reads, for as long as the script runs. What the script prints is kept in the log.
"""

import os
import tempfile
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import CommandError, Runner
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
    """Install a set's .deb files with the host's own apt, offline, without starting services."""
    root = target.root()
    policy = inside(root, "/usr/sbin/policy-rc.d")
    files = [f"{POOL}/{name}" for name in action.debs]
    missing = [name for name in files if not inside(root, name).is_file()]
    if missing:
        raise Error(f"the system image lacks {missing[0]}", hint="build the system image again")
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        # Offline because apt is shown no source; --no-download would refuse files that are not in its own cache, too.
        # fmt: off
        target.run_in_host((
            "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends",
            "-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null",
            "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "Dpkg::Use-Pty=0",
            "-o", "Dpkg::Options::=--force-confold", "-o", "APT::Sandbox::User=root", *files,
        ))
        # fmt: on
    finally:
        policy.unlink()
