"""A driver pack on a stick, with a module from outside of the kernel's tree: loaded into a running Linux, taken along by an
installation, and at work at the installed host's first boot, before its root is mounted.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .answer_files import answers
from .conftest import PASSWORD
from .console import LOGIN_SECONDS
from .installer import xeninstall
from .kernel_module import built_for
from .qemu import Disk, Machine
from .workshop import blank, workshop

pytestmark = [pytest.mark.vm, pytest.mark.root]

GIB = 2**30
_STICK = "/dev/disk/by-id/virtio-STICK"
_CONTROL = "Package: packtest-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: Tests <t@example.org>\nDescription: for a test\n"


@dataclass
class Loaded:
    """What was seen while the pack was loaded and the host was installed."""

    refused: tuple[str, int]
    loaded: dict[str, object]
    modules: str
    kernel_said: str
    cards: str
    installed: tuple[str, int]


def stick(place: Path, kernel: str) -> Path:
    """A FAT file system with the signed pack on it, as an archive; its public key lies beside."""
    source = place / "source"
    for part in ("modules", "firmware/packtest", "debs"):
        (source / part).mkdir(parents=True)
    (source / "modules/packtest.ko").write_bytes(built_for(kernel).read_bytes())
    (source / "firmware/packtest/hello.bin").write_bytes(b"good morning")
    tool = place / "tool"
    (tool / "DEBIAN").mkdir(parents=True)
    (tool / "DEBIAN/control").write_text(_CONTROL)
    (tool / "usr/share/packtest").mkdir(parents=True)
    (tool / "usr/share/packtest/tool").write_text("from the pack\n")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tool, source / "debs/packtest-tool_1.0_all.deb"], check=True)
    key = place / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "Test packs", "-f", key], check=True)
    pack = place / "packtest.tar.zst"
    made = xeninstall("pack", "build", source, "--name", "packtest", "--pack-version", "1.0", "--output", pack, "--sign", key)
    assert made.status == 0, made.stderr
    image = place / "stick.img"
    subprocess.run(["mkfs.vfat", "-C", "-n", "DRIVERS", image, "32768"], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", image, pack, f"{key}.pub", "::/"], check=True)
    return image


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """The disk that is installed onto."""
    path = blank(tmp_path_factory.mktemp("packs") / "target.img", 11 * GIB)
    yield Disk(path, serial="TARGET", snapshot=False)
    path.unlink()


@pytest.fixture(scope="module")
def seen(example: Path, system_image: Path, target: Disk, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """In a running Linux with the image's kernel: refuse, load, install."""
    place = tmp_path_factory.mktemp("workshop")
    kernel = json.loads(system_image.with_suffix(".json").read_text())["kernel"]
    disks = [Disk(stick(place, kernel), serial="STICK", readonly=True), target]
    with workshop(example, system_image, place, disks, answers(disk='serial = "TARGET"'), name="packs-workshop") as shop:
        console = shop.console
        pack = "cd /mnt && python3 -m xeninstall pack"
        console.check(f"mkdir /tmp/s && mount -o ro {_STICK} /tmp/s && cp /tmp/s/key.pub /root/ && umount /tmp/s")
        refused = console.run(f"{pack} load {_STICK}", 300)
        said = console.check(f"{pack} load {_STICK} --key /root/key.pub --json", 300)
        return Loaded(
            refused,
            json.loads(said[said.index("{") :]),
            console.check("lsmod"),
            console.check("dmesg | grep packtest:"),
            console.check("ip -br link"),
            shop.install(timeout=2400),
        )


def test_a_pack_whose_key_nobody_trusts_is_refused(seen: Loaded) -> None:
    said, status = seen.refused
    assert status == 1
    assert "packtest 1.0 is signed by a key that is not trusted here" in said


def test_the_module_is_loaded_with_its_firmware_and_the_card_that_appeared_is_named(seen: Loaded) -> None:
    assert seen.loaded["loaded"] == ["packtest"]
    assert seen.loaded["new_nics"] == ["packnic0"]
    assert re.search(r"^packtest\b", seen.modules, re.MULTILINE)
    assert "packtest: loaded, firmware says good morning" in seen.kernel_said
    assert "packnic0" in seen.cards


def test_the_installation_takes_the_pack_along_without_being_asked(seen: Loaded) -> None:
    said, status = seen.installed
    assert status == 0, said


def test_the_installed_hosts_first_boot_has_the_module_from_the_initramfs_on(seen: Loaded, target: Disk) -> None:
    assert seen.installed[1] == 0
    with Machine([target], name="packs-host") as machine:
        host = machine.console
        host.login("root", PASSWORD, LOGIN_SECONDS)
        assert "xen_major" in host.check("xl info")
        assert "packtest" in host.check("lsmod | grep ^packtest")
        assert "packnic0" in host.check("ip -br link")
        order = host.check("dmesg | grep -E 'packtest: loaded|EXT4-fs .*mounted'").splitlines()
        assert "packtest: loaded, firmware says good morning" in order[0], "before the root file system is mounted"
        assert "packtest" in host.check("lsinitramfs /boot/initrd.img-$(uname -r) | grep packtest.ko")
        assert host.check("modinfo -F filename packtest").endswith("/updates/xeninstall/packtest/packtest.ko")
        assert host.check("cat /usr/share/packtest/tool") == "from the pack"
        assert "for the kernel" in host.check("cat /var/lib/xeninstall/packs/packtest/record.toml")
        assert "[[packs]]" in host.check("cat /etc/xeninstall/answers.toml")
        assert host.run("systemctl is-system-running --wait", 300) == ("running", 0)
