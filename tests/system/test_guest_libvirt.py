"""A physical machine's Debian goes to libvirt, passes its trial there, and is then started by its definition; BIOS and UEFI."""

import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from p2v import to_host
from p2v.to_host import conversion_to
from tests.p2v.target.libvirtd import Libvirtd
from tests.p2v.target.sshd import Sshd
from xeninstall.answers.model import Convert
from xeninstall.base.run import SystemRunner
from xeninstall.machine.model import FirmwareMode
from xeninstall.machine.model import Machine as Inventory

from .console import LOGIN_SECONDS, Console
from .guest_disk import PASSWORD, ROOT_UUID, make_guest

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.usefixtures("own_signals")]

_RECORDED = Path(__file__).parent.parent / "data" / "machines" / "bios-two-disks.json"


@contextmanager
def _started(libvirt: Libvirtd, name: str) -> Iterator[Console]:
    """By its definition, with its console."""
    ours, theirs = socket.socketpair()
    virsh = ["virsh", "-c", "qemu:///session", "start", name, "--paused", "--console"]
    with subprocess.Popen(
        ["script", "-qfec", " ".join([*libvirt.user, *virsh]), "/dev/null"], stdin=theirs.fileno(), stdout=theirs.fileno()
    ) as process:
        theirs.close()
        console = Console(ours, lambda: process.poll() is None)
        console.expect("Escape character is", 120)
        libvirt.virsh("resume", name)
        try:
            yield console
        finally:
            libvirt.virsh("destroy", name, check=False)
            process.terminate()
            ours.close()


@pytest.mark.parametrize(("firmware", "root"), [("bios", "/dev/vda1"), ("uefi", "/dev/vda2")])
def test_it_passes_its_trial_and_starts(firmware: str, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_host, "SCRATCH", tmp_path / "scratch")
    old = make_guest(tmp_path, firmware).path
    recorded = Inventory.from_json(_RECORDED.read_text()).model_copy(update={"nics": ()})
    recorded = recorded.model_copy(update={"firmware": recorded.firmware.model_copy(update={"mode": FirmwareMode(firmware)})})
    with tempfile.TemporaryDirectory(prefix="p2v-libvirt-") as folder:
        libvirt = Libvirtd(Path(folder))
        sshd = Sshd(tmp_path / "ssh", [str(libvirt.script)], terminal=True)
        try:
            wanted: dict[str, object] = {
                "name": "old",
                "target": f"libvirt+ssh://127.0.0.1:{sshd.port}?connect=qemu:///session",
                "format": "qcow2",
            }
            wanted |= {"host_key": sshd.fingerprint, "identity": str(sshd.key), "source": [{"path": str(old)}]}
            answers = Convert.model_validate(wanted | {"vcpus": 1, "memory": "1G", "test_boot": True})
            facts = conversion_to(answers, recorded, SystemRunner()).perform(lambda event: None, threading.Event())
            assert facts["trial start"].startswith("up after ")
            assert libvirt.virsh("list", "--all", "--name").stdout.split() == ["old"]
            assert [path.name for path in (Path(folder) / "pool").iterdir()] == ["old-disk0.qcow2"]
            old.unlink()
            with _started(libvirt, "old") as console:
                console.login("root", PASSWORD, LOGIN_SECONDS)
                assert console.check("findmnt -no SOURCE /") == root
                assert ROOT_UUID in console.check("cat /proc/cmdline")
                console.send("systemctl poweroff\n")
                until = time.monotonic() + 240
                while libvirt.virsh("domstate", "old").stdout.strip() != "shut off":
                    assert time.monotonic() < until
                    time.sleep(1)
        finally:
            sshd.stop()
            libvirt.stop()
