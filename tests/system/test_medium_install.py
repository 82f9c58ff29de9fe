"""The whole way without a hand: a medium with answers built in installs, the machine restarts, and its disk starts the host.

Every firmware, every way to attach the medium and every bus of a disk is in it once or more.
"""

import time
from pathlib import Path

import pytest

from iso.medium.make import ISO
from iso.medium.remaster import remaster
from xeninstall.base.run import SystemRunner

from .answer_files import answers
from .conftest import PASSWORD
from .qemu import Disk, Machine, hvm_expected
from .test_medium import Record, blank, built

__all__ = ["blank"]

pytestmark = [pytest.mark.vm, pytest.mark.root]

INSTALL_SECONDS = 1200
SERIAL = "VM-DISK"


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished image, with answers for the disk of that serial number."""
    place = tmp_path_factory.mktemp("medium")
    (place / "answers.toml").write_text(answers(disk=f'serial = "{SERIAL}"'))
    began = time.monotonic()
    remaster(built(ISO), place / "answers.toml", place / "unattended.iso", SystemRunner())
    print(f"\nremastered in {time.monotonic() - began:.1f} s")
    return place / "unattended.iso"


@pytest.mark.parametrize(
    ("firmware", "drive", "bus"),
    [("bios", "cd", "virtio"), ("uefi", "usb", "nvme"), ("bios", "usb", "ahci"), ("uefi", "cd", "ahci")],
)
def test_it_installs_restarts_and_the_disk_starts_the_host(
    firmware: str, drive: str, bus: str, medium: Path, blank: Path, record_property: Record
) -> None:
    target = Disk(blank, bus=bus, serial=SERIAL, snapshot=False)
    name = f"{firmware}-{drive}-{bus}"
    with Machine(
        [Disk(medium, bus=drive, readonly=True), target], firmware=firmware, memory_mib=3072, name=f"{name}-install"
    ) as machine:
        machine.console.expect("Loading its first root", 180)
        began = time.monotonic()
        machine.console.expect("Answers: the medium's", 600)
        machine.console.expect(r"\[11/11\]", INSTALL_SECONDS)
        machine.wait(300)  # it restarts, which ends QEMU here
        seconds = time.monotonic() - began
    record_property("install_seconds", round(seconds))
    print(f"\n{name}: {seconds:.0f} s from the kernel's start to the restart")
    with Machine([target], firmware=firmware, name=f"{name}-host") as machine:
        machine.console.login("root", PASSWORD, 420)
        assert machine.console.run("systemctl is-system-running --wait", 300) == ("running", 0)
        assert machine.console.check("hostname -f") == "matrix.example.org"
        assert "192.0.2.10/24" in machine.console.check("ip -br -4 address show dev xenbr0").split()
        assert "console=com1" in machine.console.check("xl info | grep xen_commandline")
        if hvm_expected():
            assert "hvm" in machine.console.check("xl info | grep virt_caps")
