"""A real libvirtd of a user without rights, with two pools of folders, and QEMU in software emulation."""

import os
import shutil
import subprocess
import time
from pathlib import Path

NOBODY = 65534


class Libvirtd:
    """The session daemon of a user without rights; root's would be the system's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        for name in ("run", "config", "cache", "data", "pool", "other"):
            (folder / name).mkdir(mode=0o700)
            os.chown(folder / name, NOBODY, NOBODY)
        os.chown(folder, NOBODY, NOBODY)
        homes = {"HOME": folder, "XDG_RUNTIME_DIR": folder / "run", "XDG_CONFIG_HOME": folder / "config"}
        homes |= {"XDG_CACHE_HOME": folder / "cache", "XDG_DATA_HOME": folder / "data"}
        given = [f"{name}={value}" for name, value in homes.items()]
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.user = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *given, *user]
        self.script = folder / "as-nobody"
        self.script.write_text(f'#!/bin/sh\nexec {" ".join(self.user)} sh -c "$SSH_ORIGINAL_COMMAND"\n')
        self.script.chmod(0o755)
        daemon = shutil.which("libvirtd", path="/usr/sbin:/usr/bin:/sbin")
        assert daemon, "libvirt-daemon is missing: make setup installs it"
        self._process = subprocess.Popen([*self.user, daemon], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while self.virsh("version", check=False).returncode != 0:
            assert time.monotonic() < until and self._process.poll() is None
            time.sleep(0.2)
        for name, place in (("default", "pool"), ("other", "other")):
            self.virsh("pool-define-as", name, "dir", "--target", str(folder / place))
            self.virsh("pool-start", name)

    def virsh(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """As that user."""
        argv = [*self.user, "virsh", "-q", "-c", "qemu:///session", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=check)

    def clear(self) -> None:
        """Nothing defined, nothing stored."""
        for name in filter(None, self.virsh("list", "--all", "--name").stdout.splitlines()):
            self.virsh("destroy", name, check=False)
            self.virsh("undefine", name, "--nvram")
        for pool in ("default", "other"):
            for line in self.virsh("vol-list", pool).stdout.splitlines():
                self.virsh("vol-delete", "--pool", pool, line.split()[0])

    def stop(self) -> None:
        """Gone, with its machines."""
        try:
            self.clear()
        finally:
            self._process.terminate()
            self._process.wait()
