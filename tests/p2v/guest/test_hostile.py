"""Roots whose files attack whoever reads them: each is read within the guest, in bounded time, and steers no terminal.

What their programs try is in test_jail.py, and on real disks in test_mounts.py.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.guest import jail
from p2v.guest.changes import RunInGuest
from p2v.guest.inspect import inspect
from p2v.guest.jail import run_in_guest
from p2v.guest.model import Card, Hardware, Named
from p2v.guest.repair import Report, plan_repairs
from p2v.guest.tree import RootTree, TreeError
from tests.p2v.disks import sha
from xeninstall.base.run import SystemRunner

from .real_disks import ext4, gpt, shell
from .trees import EXT_UUID, MAC0, one_disk, write_tree

_SECONDS = 25.0  # on a busy machine; a sound guest takes a fiftieth of a second
_GUEST = """=== /etc/os-release
ID=debian
PRETTY_NAME="Old Debian"
=== /etc/fstab
/dev/sda1 / ext4 x 0 1
=== /etc/initramfs-tools/initramfs.conf
MODULES=dep
=== /usr/sbin/update-initramfs
x
=== /usr/sbin/mkinitramfs
x
=== /boot/vmlinuz-1.0
k
=== /boot/initrd.img-1.0
o
=== /lib/modules/1.0/modules.dep
kernel/virtio_blk.ko:
=== /boot/grub/grub.cfg
\tlinux /boot/vmlinuz-1.0 root=/dev/sda1
\tinitrd /boot/initrd.img-1.0
"""
_HARDWARE: Hardware = one_disk(Named(0, "ext", 1, EXT_UUID), cards=(Card(MAC0, "eth0"),))
_ESCAPE = "\x1b[2J\x1b]0;x\x07"
Attack = Callable[[Path], object]


def holds(path: str, content: str | bytes) -> Attack:
    def attack(root: Path) -> None:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())

    return attack


def leads(path: str, target: str) -> Attack:
    def attack(root: Path) -> None:
        place = root / path
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        place.symlink_to(target)

    return attack


def waits(path: str) -> Attack:
    def attack(root: Path) -> None:
        (root / path).unlink()
        os.mkfifo(root / path)

    return attack


def folders(place: str, number: int = 5000) -> Attack:
    def attack(root: Path) -> None:
        for each in range(number):
            (root / place / str(each)).mkdir()

    return attack


def many(folder: str, content: str, number: int = 5000) -> Attack:
    def attack(root: Path) -> None:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for each in range(number):
            (root / folder / str(each)).write_text(content)

    return attack


_KERNEL = f"1.0{_ESCAPE}"
ATTACKS: dict[str, tuple[Attack, ...]] = {
    "os-release steers a terminal": (holds("etc/os-release", f'ID=debian\nPRETTY_NAME="Old{_ESCAPE} Debian"\n'),),
    "os-release of a million lines": (holds("etc/os-release", "A=1\n" * 1_000_000),),
    "os-release is /dev/zero": (leads("etc/os-release", "/dev/zero"),),
    "os-release is no text": (holds("etc/os-release", b"ID=debian\0\nPRETTY_NAME=\xff\xfe\n"),),
    "fstab waits for a writer": (waits("etc/fstab"),),
    "fstab of many lines": (holds("etc/fstab", "/dev/sda1 / ext4 x 0 1\n" * 100_000),),
    "fstab of one long line": (holds("etc/fstab", "/dev/sda1 " + " " * 5_000_000 + "x"),),
    "fstab leads out": (holds("etc/fstab", "/dev/sda1 /../../etc ext4 x 0 1\n/dev/sda1 /usr/../../../tmp ext4 x 0 0\n"),),
    "grub.cfg waits": (waits("boot/grub/grub.cfg"),),
    "grub.cfg of blanks": (holds("boot/grub/grub.cfg", "\tlinux" + " " * 1_000_000 + "\n" + "\tlinux" + "\t" * 1_000_000),),
    "grub.cfg of a long line": (holds("boot/grub/grub.cfg", "\tlinux /boot/vmlinuz-1.0 root=/dev/sda1 " + "a " * 500_000),),
    "grub.cfg of quotes": (holds("boot/grub/grub.cfg", '\tlinux "' + '\\"' * 300_000),),
    "grub.cfg names what is outside": (
        holds("boot/grub/grub.cfg", "\tlinux /../../../etc/shadow root=/dev/sda1\n\tinitrd /../../../../etc/passwd\n"),
    ),
    "a kernel's name steers a terminal": (
        holds(f"boot/vmlinuz-{_KERNEL}", "k"),
        holds(f"lib/modules/{_KERNEL}/modules.dep", "kernel/virtio_blk.ko:\n"),
        holds("boot/grub/grub.cfg", f"\tlinux /boot/vmlinuz-{_KERNEL} root=/dev/sda1\n\tinitrd /boot/initrd.img-1.0\n"),
    ),
    "interfaces includes itself": (holds("etc/network/interfaces", "source /etc/network/interfaces\nsource /etc/network/*\n"),),
    "interfaces in many files": (
        holds("etc/network/interfaces", "source /etc/network/interfaces.d/*\n"),
        many("etc/network/interfaces.d", "iface eth0 inet dhcp\n"),
    ),
    "many kernels": (many("lib/modules/x", "x"), folders("lib/modules")),
    "etc is a link out": (leads("etc", "/../../../../../../etc"),),
    "boot is a link out": (leads("boot", "../../../../../../boot"),),
    "the initramfs is a folder": (lambda root: (root / "boot/initrd.img-1.0").unlink(), many("boot/initrd.img-1.0", "x", 3)),
    "links in a circle": (leads("etc/crypttab", "crypttab"), leads("etc/lvm", "lvm"), leads("etc/default", "/etc/default")),
    "yaml that grows": (holds("etc/netplan/a.yaml", "a: &a [1]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a]\n" for n in range(5000))),),
}


def planned(root: Path) -> Report:
    tree = RootTree(root)
    try:
        return plan_repairs(inspect(tree, _HARDWARE), tree)
    finally:
        tree.close()


@pytest.mark.parametrize("name", ATTACKS)
def test_a_root_that_attacks_is_looked_into_in_bounded_time_and_steers_nothing(name: str, tmp_path: Path) -> None:
    root = tmp_path / "outside/root"
    root.mkdir(parents=True)
    write_tree(_GUEST, root)
    for attack in ATTACKS[name]:
        attack(root)
    began = time.monotonic()
    report = planned(root)
    text = report.as_text() + json.dumps(report.as_json())
    assert time.monotonic() - began < _SECONDS
    assert not [sign for sign in text if not sign.isprintable() and sign != "\n"]
    assert len(text) < 1_000_000
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["root"]


def test_a_configuration_of_absurd_size_is_refused_by_its_name(tmp_path: Path) -> None:
    write_tree(_GUEST, tmp_path)
    with (tmp_path / "etc/fstab").open("r+b") as file:
        file.truncate(9 << 20)
    with pytest.raises(TreeError, match="/etc/fstab of the guest is larger than 8 MiB"):
        planned(tmp_path)


@pytest.mark.root
@pytest.mark.usefixtures("own_signals")
def test_a_disk_with_all_of_it_is_told_of_without_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write_tree(_GUEST + "=== /bin/sh\n%elf\n", root)
    for name, attacks in ATTACKS.items():
        if name.startswith(("a kernel's", "interfaces includes", "links in", "os-release steers")):
            for attack in attacks:
                attack(root)
    ext4(tmp_path / "part", root, 48)
    disk = tmp_path / "old.img"
    gpt(disk, [("L", tmp_path / "part")])
    before = sha(disk)
    assert main(["preflight", str(disk), "--to", str(tmp_path)]) in (0, 3)
    said = capsys.readouterr()
    assert main(["convert", str(disk), "--plan"]) == 0
    planned_text = capsys.readouterr()
    for text in (said.out, said.err, planned_text.out, planned_text.err):
        assert "\x1b" not in text
    assert sha(disk) == before


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    shell(root)
    return root


def _run(root: Path, script: str) -> str:
    change = RunInGuest(("/bin/sh", "-c", script), "test", timeout_seconds=30.0)
    return run_in_guest(RootTree(root), change, SystemRunner()).problem


@pytest.mark.root
def test_a_program_that_multiplies_is_ended(guest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "_MOST_PROCESSES", 100)
    began = time.monotonic()
    assert _run(guest, "i=0; while [ $i -lt 400 ]; do sleep 4243 & i=$((i+1)); done; wait") == (
        "it started more than 100 processes, and was ended"
    )
    assert time.monotonic() - began < 25
    time.sleep(0.5)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [one for one in commands if b"4243" in one and b"sleep\0" in one]


@pytest.mark.root
def test_a_program_that_fills_the_disk_is_ended(guest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "_MOST_WRITTEN_BYTES", 16 << 20)
    (guest / "fs").mkdir()
    script = "while :; do cat /bin/bash /bin/bash /bin/bash /bin/bash >> /etc/filler; done"
    assert _run(guest, script) == "it wrote more than 16 MiB, and was ended"
    (guest / "etc/filler").unlink()


@pytest.mark.root
def test_a_program_writes_nowhere_but_in_the_guest(guest: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("outside")
    tries = [
        f"echo x > /../../../../..{tmp_path}/outside",
        f"echo x > /proc/1/root{tmp_path}/outside",
        f"echo x > /proc/self/cwd/../../..{tmp_path}/outside",
        "echo 1 > /proc/sys/kernel/panic; echo b > /proc/sysrq-trigger",
        "for d in /dev/loop* /dev/sd* /dev/vd* /dev/nvme*; do [ -b $d ] && echo DISK; done",
        "echo x > /sys/power/state",
    ]
    before = Path("/proc/sys/kernel/panic").read_text()
    change = RunInGuest(("/bin/sh", "-c", "; ".join(tries)), "test", timeout_seconds=20.0)
    ran = run_in_guest(RootTree(guest), change, SystemRunner())
    assert "DISK" not in ran.output
    assert (tmp_path / "outside").read_text() == "outside"
    assert Path("/proc/sys/kernel/panic").read_text() == before
