"""Operating systems are named from what is on the disk, and nothing on it changes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, filesystem, make_disk, patch, put, run, sha, stale, unmount
from tests.p2v.guest.real_disks import OLD_RELEASE, ext4, gpt, tree
from tests.p2v.hives import hive
from tests.p2v.luks import luks1
from tests.p2v.volume_group import make_group, striped

pytestmark = pytest.mark.root  # FUSE

RELEASE = 'NAME="Debian GNU/Linux"\nVERSION_ID="13"\nVERSION="13 (trixie)"\nBROKEN="\nID=debian\n'
KEYS = (
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft]\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT]\n\n"
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]\n"
)


def with_files(part: Path, files: Mapping[str, Path]) -> Path:
    """An ext file system with more files."""
    folders = {folder for name in files for folder in reversed(Path(name).parents) if str(folder) != "/"}
    for folder in sorted(folders):
        run("debugfs", "-w", "-R", f"mkdir {folder}", part)
    for name, source in files.items():
        run("debugfs", "-w", "-f", "-", part, stdin=f"cd {Path(name).parent}\nwrite {source} {Path(name).name}\n")
    return part


def linux(folder: Path, kind: str = "ext4") -> Path:
    (folder / "release").write_text(RELEASE)
    (folder / "hostname").write_text("old-server\n")
    files = {"/usr/lib/os-release": folder / "release", "/etc/hostname": folder / "hostname"}
    return with_files(filesystem(folder, kind), files)


def windows(folder: Path, values: str) -> Path:
    part, place = filesystem(folder, "ntfs"), folder / "mounted"
    place.mkdir()
    source = hive(folder / "SOFTWARE", KEYS + values)
    run("ntfs-3g", part, place)
    try:
        (place / "Windows/System32/config").mkdir(parents=True)
        (place / "Windows/System32/config/SOFTWARE").write_bytes(source.read_bytes())
    finally:
        unmount(place)
    return part


def told(capsys: pytest.CaptureFixture[str], *disks: Path | str) -> list[dict[str, Any]]:
    assert main(["inspect", "--json", *map(str, disks)]) == 0
    return [system for disk in json.loads(capsys.readouterr().out)["disks"] for system in disk["systems"]]


def test_a_linux_is_named_by_its_release_and_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = linux(tmp_path)
    before = sha(part)
    expected = {
        "volume": "whole disk",
        "family": "linux",
        "name": "Debian GNU/Linux",
        "version": "13 (trixie)",
        "host": "old-server",
    }
    (found,) = told(capsys, part)
    assert {key: value for key, value in found.items() if key != "facts"} == expected
    assert main(["inspect", str(part)]) == 0
    assert (
        "  system on whole disk: Debian GNU/Linux, 13 (trixie) (old-server)\n    unknown, bios, init " in capsys.readouterr().out
    )
    assert sha(part) == before


@pytest.mark.parametrize(
    ("values", "name", "version"),
    [
        (
            '"ProductName"="Windows 10 Pro"\n"CurrentBuildNumber"="22631"\n"DisplayVersion"="23H2"\n"UBR"=dword:00000f3c\n',
            "Windows 11 Pro",
            "23H2, build 22631.3900",
        ),
        (
            '"ProductName"="Microsoft Windows XP"\n"CurrentBuildNumber"="2600"\n"CSDVersion"="Service Pack 3"\n',
            "Microsoft Windows XP",
            "Service Pack 3, build 2600",
        ),
    ],
)
def test_a_windows_is_named_by_its_registry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: str, name: str, version: str
) -> None:
    part = windows(tmp_path, values)
    before = sha(part)
    assert [(system["family"], system["name"], system["version"]) for system in told(capsys, part)] == [
        ("windows", name, version)
    ]
    assert sha(part) == before


def test_each_system_is_told_with_its_volume_also_on_logical_volumes_over_two_disks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.img", tmp_path / "two.img"
    stale(one, 40 * MIB)
    stale(two, 40 * MIB)
    name = make_group(tmp_path, {"pv0": one, "pv1": two}, striped("root", (14, [("pv0", 3)]), (10, [("pv1", 20)])))
    data = linux(tmp_path).read_bytes()
    patch(one, 4 * MIB, data[: 14 * MIB])
    patch(two, 21 * MIB, data[14 * MIB :])
    other = make_disk(tmp_path, "gpt", ["swap", "ext2"])
    (tmp_path / "more").mkdir()
    put(other, linux(tmp_path / "more", "ext2"), 9 * MIB)
    assert [system["volume"] for system in told(capsys, one, two, other)] == [f"{name}/root", "partition 2"]
    assert told(capsys, two) == []


def test_what_only_looks_like_a_system_tells_nothing_and_breaks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 20)
    part = with_files(filesystem(tmp_path, "ext4"), {"/etc/os-release": tmp_path / "noise"})
    found = told(capsys, part)
    assert [system["name"] for system in found] == ["Linux"]
    assert told(capsys, windows(tmp_path, '"Other"="x"\n'))[0]["name"] == "Windows"


def test_what_a_system_is_made_of_is_told_also_in_an_encrypted_volume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described = OLD_RELEASE + "=== /bin/sh\n%elf\n=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n=== /etc/inittab\nx\n"
    described += "=== /sbin/mkinitrd\nx\n=== /usr/bin/yum\nx\n=== /boot/vmlinuz-5.10.0\nx\n=== /lib/modules/5.10.0/modules.dep\n"
    described += "=== /boot/grub/grub.cfg\nmenuentry a {\n  linux /boot/vmlinuz-5.10.0 root=/dev/sda1\n}\n"
    ext4(tmp_path / "root", tree(tmp_path / "t", described), 24)
    gpt(tmp_path / "open.img", [("L", tmp_path / "root")])
    closed, word = tmp_path / "closed", tmp_path / "word"
    word.write_text("correct horse")
    luks1(tmp_path / "root", closed, "correct horse")
    gpt(tmp_path / "closed.img", [("L", closed)])
    before = sha(tmp_path / "closed.img")
    (system,) = told(capsys, tmp_path / "open.img")
    keys = ("architecture", "init", "initramfs_tool", "loaders", "firmware", "package_manager")
    assert [system["facts"][key] for key in keys] == ["x86_64", "sysv", "mkinitrd", ["GRUB 2"], "bios", "yum"]
    assert [(kernel["version"], kernel["listed"]) for kernel in system["facts"]["kernels"]] == [("5.10.0", True)]
    assert told(capsys, tmp_path / "closed.img") == []
    (within,) = told(capsys, tmp_path / "closed.img", "--unlock", f"file:{word}")
    assert (within["volume"], within["facts"]) == ("partition 1 opened", system["facts"])
    assert main(["inspect", str(tmp_path / "open.img")]) == 0
    said = capsys.readouterr().out
    assert "    x86_64, bios, init sysv, packages by yum\n    boot loader: GRUB 2; initramfs by mkinitrd\n" in said
    assert "    kernel 5.10.0 (listed, without an initramfs)\n" in said
    assert sha(tmp_path / "closed.img") == before
