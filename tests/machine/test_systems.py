"""Operating systems are found without mounting."""

import subprocess
from pathlib import Path

import pytest

from xeninstall.base.run import SystemRunner
from xeninstall.machine.blocks import Block
from xeninstall.machine.look import Look
from xeninstall.machine.systems import MOST_LOOKED_INTO, pretty_name, systems

from .computer import Computer

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


def test_debugfs_reads_a_real_file_system_that_nobody_mounted(tmp_path: Path) -> None:
    tree, image = tmp_path / "tree", tmp_path / "disk.img"
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "usr/lib/os-release").write_text('NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-d", tree, image], check=True)
    disk = Block(path=str(image), type="disk", fstype="ext4")
    assert systems(Look(SystemRunner()), [disk]) == {str(image): "Debian GNU/Linux 13 (trixie)"}


def test_a_mounted_system_is_read_where_it_is_mounted(computer: Computer) -> None:
    computer.file("/mnt/old/etc/os-release", "PRETTY_NAME=Slackware\n")
    disk = Block(path="/dev/sda", type="disk", fstype="xfs", mountpoints=("/mnt/old",))
    assert systems(computer.look(), [disk]) == {"/dev/sda": "Slackware"}


def windows_disk(*more: Block) -> Block:
    return Block(
        path="/dev/sda", type="disk", children=(Block(path="/dev/sda3", type="part", fstype="ntfs", size_bytes=9), *more)
    )


def test_windows_is_known_by_what_it_boots_from(computer: Computer) -> None:
    esp = Block(path="/dev/sda1", type="part", fstype="vfat", part_type=ESP)
    assert systems(computer.look(), [windows_disk(esp)]) == {"/dev/sda3": "Microsoft Windows"}
    reserved = Block(path="/dev/sda1", type="part", fstype="ntfs", label="System Reserved", size_bytes=1)
    assert systems(computer.look(), [windows_disk(reserved)]) == {"/dev/sda3": "Microsoft Windows"}


def test_ntfs_alone_is_data(computer: Computer) -> None:
    assert systems(computer.look(), [windows_disk()]) == {}


def test_a_debugfs_that_hangs_is_stopped_and_noted(computer: Computer) -> None:
    computer.command(["debugfs"], "", hangs=True)
    look = computer.look()
    assert systems(look, [Block(path="/dev/sda", type="disk", fstype="ext4")]) == {}
    assert computer.runner.answers["debugfs",].stopped
    assert look.notes == ["operating system on /dev/sda not seen: debugfs took too long"]


def test_a_storage_server_is_not_searched_for_ever(computer: Computer) -> None:
    computer.command(["debugfs"], "PRETTY_NAME=x\n")
    many = [Block(path=f"/dev/sd{number}", type="disk", fstype="ext4") for number in range(200)]
    assert len(systems(computer.look(), many)) == MOST_LOOKED_INTO


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PRETTY_NAME='A B'\n", "A B"),
        ("NAME=Arch\n", "Arch"),
        ('PRETTY_NAME=""\nNAME="X"\n', "X"),
        ("", ""),
        ('PRETTY_NAME="\x1b[31mred"', "[31mred"),
    ],
)
def test_os_release_is_read_as_its_manual_says(text: str, name: str) -> None:
    assert pretty_name(text) == name
