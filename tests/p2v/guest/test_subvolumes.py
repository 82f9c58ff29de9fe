"""Several systems in subvolumes of one btrfs: the one that is started is repaired, and nobody is silent about the others."""

import json
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, run

from .real_disks import ext4, gpt, piece, tree
from .test_mounts import no_traces
from .test_same_uuids import at
from .trees import write_tree

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]
_SYSTEM = (
    '=== /etc/os-release\nID=debian\nPRETTY_NAME="{name}"\n=== /bin/sh\n%elf\n=== /boot/\n'
    "=== /etc/fstab\n/dev/sda1 / btrfs {options} 0 0\n{fstab}"
)
_GRUB = "=== {place}grub/grub.cfg\nmenuentry x {{\n\tlinux /vmlinuz-1 root=/dev/sda1 rootflags={flags} ro\n}}\n"


def disk_of(tmp_path: Path, systems: dict[str, str], default: str = "", boot: str = "") -> Path:
    """A disk whose first partition has these subvolumes, and the second what is described as /boot."""
    part = tmp_path / "part"
    with part.open("wb") as file:
        file.truncate(160 * MIB)
    run("mkfs.btrfs", "-q", "-f", part)
    with at(part, tmp_path / "at", "loop") as place:
        for name, described in systems.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            run("btrfs", "subvolume", "create", place / name)
            write_tree(described, place / name)
        if default:
            run("btrfs", "subvolume", "set-default", place / default)
        run("btrfs", "subvolume", "snapshot", place / next(iter(systems)), place / "before-the-update")
    parts = [("L", part)]
    if boot:
        ext4(tmp_path / "boot", tree(tmp_path / "t", boot), 16)
        parts.append(("L", tmp_path / "boot"))
    gpt(tmp_path / "old.img", parts)
    part.unlink()
    return tmp_path / "old.img"


def system(name: str, options: str = "defaults", fstab: str = "", more: str = "") -> str:
    """A root."""
    return _SYSTEM.format(name=name, options=options, fstab=fstab) + more


@pytest.mark.parametrize(
    ("systems", "default", "boot", "repaired", "why"),
    [
        ({"@": system("One"), "two": system("Two")}, "", "", "@ (One)", "it is the default, or the first"),
        ({"@": system("One"), "two": system("Two")}, "two", "", "two (Two)", "it is the default, or the first"),
        (
            {"@": system("One", "subvol=@", "", "=== /boot/grub/grub.cfg\n\tlinux /v root=/dev/sda1 rootflags=subvol=two\n"),
             "deep/two": system("No"), "two": system("Two")},
            "", "", "two (Two)", "the boot loader names it",
        ),
        (
            {"@": system("One", "x", "/dev/sda2 /boot ext4 x 0 0\n"), "two": system("Two")},
            "", _GRUB.format(place="/", flags="compress=zstd,subvol=/two"), "two (Two)", "the boot loader names it",
        ),
    ],
)  # fmt: skip
def test_the_one_that_is_started_is_repaired_and_the_others_are_named(
    systems: dict[str, str],
    default: str,
    boot: str,
    repaired: str,
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk = disk_of(tmp_path, systems, default, boot)
    assert main(["preflight", str(disk), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (remark,) = (one for one in found["remarks"] if "subvolumes" in one)
    titles = {"@": "@ (One)", "two": "two (Two)", "deep/two": "deep/two (No)"}
    others = [titles[name] for name in systems if titles[name] != repaired]
    begin = f"disk 1, partition 1 holds {len(systems)} systems in subvolumes: {repaired} is repaired, as {why}; not repaired: "
    assert remark.startswith(begin)
    assert sorted(remark.removeprefix(begin).split(", ")) == sorted(others)
    assert any(remark == finding["text"] for finding in found["findings"])
    assert [one["guest"]["name"] for one in found["systems"]] == [repaired.split("(")[1][:-1]]

    image = tmp_path / "new.img"
    assert main(["convert", str(disk), "--repair", "--to", str(image), "--format", "raw"]) == 0
    no_traces()
    made = piece(image, MIB, 160, tmp_path / "made")
    with at(made, tmp_path / "made.at", "loop,subvolid=5") as place:
        reports = {name for name in systems if (place / name / "var/lib/p2v/report.txt").exists()}
    assert reports == {repaired.split(" ")[0]}


def test_fstab_may_name_a_subvolume_by_its_number_or_not_at_all(tmp_path: Path) -> None:
    # The first that is made is number 256.
    fstab = "/dev/sda1 /boot btrfs subvolid=256 0 0\n/dev/sda1 /usr btrfs subvolid=999 0 0\n"
    root = system("One", "subvol=@", fstab, "=== /usr/\n")
    boot = _GRUB.format(place="/", flags="subvol=@")
    disk, image = disk_of(tmp_path, {"start": boot, "@": root}), tmp_path / "new.img"
    assert main(["convert", str(disk), "--repair", "--to", str(image), "--format", "raw"]) == 0
    with at(piece(image, MIB, 160, tmp_path / "made"), tmp_path / "made.at", "loop,subvolid=5") as place:
        assert "root=UUID=" in (place / "start/grub/grub.cfg").read_text()
    no_traces()


def test_inspection_names_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk = disk_of(tmp_path, {"@": system("One") + "=== /etc/hostname\none\n", "deep/two": system("Two")})
    assert main(["inspect", str(disk), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["disks"]
    assert [(one["volume"], one["host"]) for one in told["systems"]] == [
        ("partition 1, subvolume @", "one"),
        ("partition 1, subvolume deep/two", ""),
    ]
    assert [one["facts"]["name"] for one in told["systems"]] == ["One", "Two"]
