"""What the command line makes of an inventory: the machine in an archive, and its definition beside an image."""

import tarfile
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, run, unmount
from tests.p2v.image.xva_reader import read_xva

from .machines import RECORDED, recorded

pytestmark = pytest.mark.usefixtures("own_signals")
MACHINE = RECORDED / "ten-nics.json"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Any disk."""
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(MIB))
    return path


def test_an_archive_holds_the_machine_with_its_cards(tmp_path: Path, disk: Path) -> None:
    nics = recorded("ten-nics").nics
    common = ["--machine", str(MACHINE), "--name", "old", "--bridge", f"{nics[0].name}=dmz", "--bridge", "lan"]
    assert main(["convert", str(disk), "--to", str(tmp_path / "a.ova"), "--format", "ova", *common]) == 0
    with tarfile.open(tmp_path / "a.ova") as archive:
        member = archive.extractfile("machine.ovf")
        assert member is not None
        described = member.read().decode()
    assert all(nic.mac.lower() in described for nic in nics)
    assert described.count("<rasd:Connection>dmz</rasd:Connection>") == 1
    assert described.count("<rasd:Connection>lan</rasd:Connection>") == len(nics) - 1
    assert main(["convert", str(disk), "--to", str(tmp_path / "a.xva"), "--format", "xva", *common]) == 0
    records, _ = read_xva(tmp_path / "a.xva")
    assert sorted(record["MAC"] for kind, record in records.values() if kind == "VIF") == sorted(nic.mac.lower() for nic in nics)
    assert main(["verify", str(tmp_path / "a.xva")]) == 0


def test_a_definition_is_written_beside_the_image(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "a.qcow2"
    assert main(["convert", str(disk), "--to", str(image), "--define", "--machine", str(MACHINE), "--name", "old"]) == 0
    assert f"defined in {tmp_path}/old.cfg" in capsys.readouterr().err
    assert f"format=qcow2, vdev=xvda, access=rw, target={image}" in (tmp_path / "old.cfg").read_text()
    assert f'<source file="{image}"/>' in (tmp_path / "old.xml").read_text()


@pytest.mark.parametrize(("words", "told"), [([], 'type = "hvm"'), (["--mode", "pvh"], 'type = "pvh"')])
def test_xen_runs_it_as_the_mode_says(tmp_path: Path, disk: Path, words: list[str], told: str) -> None:
    defined = ["--define", "--machine", str(MACHINE), "--name", "old", *words]
    assert main(["convert", str(disk), "--to", str(tmp_path / "a.qcow2"), *defined]) == 0
    assert told in (tmp_path / "old.cfg").read_text().splitlines()


def test_a_definition_is_written_only_for_what_runs_the_image(
    tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form, written, said in (
        ("vhd", ["old.cfg", "old.xml"], ""),
        ("vdi", ["old.xml"], "no definition for xl was written, since it cannot run vdi: for Xen choose raw, qcow2 or vhd"),
    ):
        to = tmp_path / form
        to.mkdir()
        arguments = ["--format", form, "--define", "--machine", str(MACHINE), "--name", "old"]
        assert main(["convert", str(disk), "--to", str(to / f"old.{form}"), *arguments]) == 0
        assert sorted(path.name for path in to.iterdir() if path.suffix in (".cfg", ".xml")) == written
        told = capsys.readouterr().err
        assert said in told if said else "no definition" not in told
    assert "type='vdi'" in (tmp_path / "vdi/old.xml").read_text()
    assert "format=vhd, " in (tmp_path / "vhd/old.cfg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--define", "--format", "vmdk", "--machine", str(MACHINE)], "neither xl nor libvirt runs a machine from vmdk"),
        (["--define", "--format", "vhdx", "--machine", str(MACHINE)], "neither xl nor libvirt runs a machine from vhdx"),
        (["--define", "--format", "ova", "--machine", str(MACHINE)], "neither xl nor libvirt runs a machine from ova"),
        (["--define", "--format", "xva", "--machine", str(MACHINE)], "xe vm-import filename={tmp}/new"),
        (["--define", "--format", "null", "--machine", str(MACHINE)], "neither xl nor libvirt runs a machine from null"),
        (["--define"], "the machine that these disks come from is not known"),
        (["--define", "--machine", "{tmp}/none"], "{tmp}/none cannot be read"),
        (["--define", "--machine", "{tmp}/disk.img"], "{tmp}/disk.img:"),
        (["--define", "--machine", str(MACHINE), "--bridge", "eth0="], "--bridge 'eth0=' names no bridge"),
        (["--format", "ova", "--machine", str(MACHINE), "--bridge", "a,script:x"], "is not the name of a bridge"),
        (["--format", "ova", "--machine", str(MACHINE), "--bridge", "eth77=br0"], "the machine has no card eth77"),
        (["--repair", "--overlay", "x"], "--repair makes an overlay of its own"),
    ],
)
def test_what_cannot_be_defined_is_refused_before_anything_is_written(
    tmp_path: Path, disk: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    assert main(["convert", str(disk), "--to", str(tmp_path / "new"), *filled]) == 2
    assert message.format(tmp=tmp_path) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]


def test_a_name_that_no_host_takes_is_refused(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--define", "--machine", str(MACHINE), "--name", "a/b"]
    assert main(["convert", str(disk), "--to", str(tmp_path / "new"), *arguments]) == 2
    assert "'a/b' is not a name for a virtual machine" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]


@pytest.mark.root
def test_a_definition_that_finds_no_room_loses_nothing(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "nr_inodes=3", "tmpfs", small)  # the folder itself, the image, its journal
    try:
        words = ["convert", str(disk), "--to", str(small / "a.qcow2"), "--define", "--machine", str(MACHINE), "--name", "old"]
        assert main(words) == 1
        assert (
            f"p2v: {small}/old.cfg cannot be written: No space left on device\n"
            "  -> the images are complete: make room there, then go on with --resume\n"
        ) in capsys.readouterr().err
        assert sorted(path.name for path in small.iterdir()) == ["a.qcow2", "a.qcow2.p2v"]
        run("mount", "-o", "remount,nr_inodes=9", small)
        assert main([*words, "--resume"]) == 0
        assert "target=" in (small / "old.cfg").read_text()
    finally:
        unmount(small)
