"""The boot medium as the tests start it: what was built, GRUB's menu and command line, and a shell over SSH."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from iso.medium.make import ISO

from .console import Console
from .installer import REPOSITORY
from .qemu import DirectBoot

MEMORY_MIB = 3072
MENU_SECONDS, BOOT_SECONDS = 240, 900  # half a minute, and one to two, on an idle machine without KVM
INSTALL_SECONDS = 1800  # two minutes
FIRST_SCREEN = "Language and keyboard"
_PIECE = 16  # characters of GRUB's command line typed at once: its input is polled


def built(name: str) -> Path:
    """What `make iso netboot` built by that name."""
    path = Path(os.environ.get("XENINSTALL_TEST_MEDIUM", REPOSITORY / "build")) / name
    if not path.exists():
        pytest.fail(f"there is no {path}: run `make iso netboot` first", pytrace=False)
    return path


def kernel_of_medium(place: Path, words: str) -> DirectBoot:
    """Its kernel and initramfs, taken out of it, with these words and the serial line for console."""
    kernel, initrd = place / "vmlinuz", place / "initrd.img"
    if not kernel.exists():
        wanted = [word for path in (kernel, initrd) for word in ("-extract", f"/live/{path.name}", str(path))]
        subprocess.run(["xorriso", "-osirrox", "on", "-indev", str(built(ISO)), *wanted], check=True, capture_output=True)
    return DirectBoot(kernel, initrd, f"quiet console=ttyS0,115200 {words}")


def stick(path: Path, label: str, files: dict[str, str]) -> Path:
    """A FAT file system with this label and these files."""
    subprocess.run(["mkfs.vfat", "-C", "-n", label, path, "32768"], check=True, capture_output=True)
    for name, text in files.items():
        subprocess.run(["mcopy", "-i", path, "-", f"::/{name}"], input=text.encode(), check=True)
    return path


def take_first(console: Console) -> None:
    """Enter in GRUB's menu."""
    console.expect("Install ", MENU_SECONDS)
    time.sleep(2)  # it is still being drawn
    console.send("\r")


def start(console: Console, words: str) -> None:
    """Start by GRUB's own command line, which every menu has at `c`: the words are the kernel's."""
    console.expect("Install ", MENU_SECONDS)
    time.sleep(2)
    console.send("c")
    console.expect("grub>", 60, fatal=False)  # GRUB's prompt is no mishap here, nor below
    line = f"start {words}"
    for place in range(0, len(line), _PIECE):
        console.send(line[place : place + _PIECE])
        time.sleep(0.3)
    console.send("\r")
    console.expect("Loading its first root", 120, fatal=False)
    console.send("boot\r")
    console.expect("grub> *boot", 120, fatal=False)


@dataclass(frozen=True)
class Ssh:
    """Root's shell on a machine, by a port of this one and a key."""

    port: int
    key: Path

    def command(self, *more: str) -> list[str]:
        """The argument list of the client."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=120"]
        options += ["IdentitiesOnly=yes", f"IdentityFile={self.key}"]
        return ["ssh", "-F", "none", *(f"-o{option}" for option in options), "-p", str(self.port), *more, "root@127.0.0.1"]

    def ask(self, command: str) -> str:
        """What it says; raises AssertionError with both streams when it fails."""
        argv = [*self.command(), command]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", timeout=300
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def by_password(self, password: str, place: Path) -> str:
        """Log in by a password, as a person would type it; returns who that is there."""
        helper = place / "askpass"
        helper.write_text(f"#!/bin/sh\necho '{password}'\n")
        helper.chmod(0o700)
        environ = {**os.environ, "SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force"}
        argv = [*self.command("-oPubkeyAuthentication=no", "-oPreferredAuthentications=password"), "id -un"]
        done = subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
