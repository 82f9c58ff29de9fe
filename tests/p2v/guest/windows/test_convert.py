"""Windows disks through the command line: the image is repaired as planned, the disk is as it was. No Windows was booted."""

import json
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, make_disk, put, run, sha
from tests.p2v.guest.real_disks import fat, gpt, piece, tree
from tests.p2v.image.xva_reader import read_xva

from .systems import make_volume, volume_at
from .test_repairs import INF, keys_of

MACHINE = Path(__file__).parents[3] / "data" / "machines" / "bios-two-disks.json"
pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]


def test_windows_11_by_uefi_with_drivers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fat(tmp_path / "esp", tree(tmp_path / "t", "=== /EFI/Microsoft/Boot/bootmgfw.efi\nmanager\n"))
    volume = make_volume(tmp_path / "windows", "win10")
    disk, image = tmp_path / "old.img", tmp_path / "new.img"
    starts = gpt(disk, [("U", tmp_path / "esp"), ("L", volume)])
    before = sha(disk)
    drivers = tmp_path / "drivers" / "viostor"
    drivers.mkdir(parents=True)
    (drivers / "viostor.inf").write_text(INF, encoding="utf-16")
    (drivers / "viostor.sys").write_bytes(b"driver")
    arguments = [str(disk), "--drivers", str(tmp_path / "drivers")]

    assert main(["convert", *arguments, "--plan", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)["systems"][0]
    assert (planned["guest"]["name"], planned["guest"]["firmware"], planned["applied"]) == ("Windows 11 Pro", "uefi", False)

    assert main(["convert", *arguments, "--repair", "--to", str(image), "--format", "raw"]) == 0
    assert sha(disk) == before
    made = piece(image, starts[1], 24, tmp_path / "made")
    assert keys_of(made)["ControlSet001\\Services\\storahci"]["Start"].number == 0
    assert keys_of(made)["ControlSet001\\Services\\viostor"]["Start"].number == 0
    with volume_at(made) as place:
        assert (place / "Windows/System32/drivers/viostor.sys").read_bytes() == b"driver"
    assert run("mtype", "-i", f"{image}@@{starts[0]}", "::/EFI/BOOT/BOOTX64.EFI") == "manager"
    assert "set SYSTEM\\ControlSet001\\Services\\storahci: Start = 0" in (tmp_path / "new.img.repairs.txt").read_text()
    run("ntfsfix", "-n", made)


def test_xp_by_bios_is_read_with_another_geometry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk = make_disk(tmp_path, "dos", ["ntfs", "swap"])
    volume = make_volume(tmp_path / "windows", "xp", more={}, mib=16)
    put(disk, volume, MIB)
    image = tmp_path / "new.img"
    assert main(["convert", str(disk), "--repair", "--to", str(image), "--format", "raw"]) == 0
    assert (image.read_bytes()[MIB + 0x1A], image.read_bytes()[MIB + 0x1B]) == (0x40, 0)
    after = keys_of(piece(image, MIB, 16, tmp_path / "made"))
    assert after["ControlSet001\\Control\\CriticalDeviceDatabase\\primary_ide_channel"]["Service"].text == "atapi"
    # What is left to be done by hand is said while it runs, and not in the report alone.
    assert "intelide.sys is not in WINDOWS/system32/drivers: expand it there" in capsys.readouterr().err


def test_an_archive_describes_a_machine_for_windows_with_its_clock(tmp_path: Path) -> None:
    disk, archive = tmp_path / "old.img", tmp_path / "a.xva"
    gpt(disk, [("L", make_volume(tmp_path / "windows", "win7"))])
    common = ["--machine", str(MACHINE), "--format", "xva", "--name", "old"]
    assert main(["convert", str(disk), "--repair", "--to", str(archive), *common]) == 0
    (vm,) = [record for kind, record in read_xva(archive)[0].values() if kind == "VM"]
    assert (vm["platform"]["timeoffset"], vm["platform"]["viridian"]) == ("3600", "true")


def test_it_runs_as_hvm_and_as_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk, to = tmp_path / "old.img", tmp_path / "out"
    gpt(disk, [("L", make_volume(tmp_path / "windows", "win7"))])
    to.mkdir()
    common = [str(disk), "--repair", "--to", f"{to}/", "--define", "--machine", str(MACHINE), "--name", "old"]
    assert main(["convert", *common, "--mode", "pvh"]) == 2
    assert "Windows cannot run as PVH\n  -> choose the mode hvm, or leave it out" in capsys.readouterr().err
    assert list(to.iterdir()) == []
    assert main(["convert", *common, "--mode", "hvm"]) == 0
    assert 'type = "hvm"' in (to / "old.cfg").read_text()


_MANAGER_TREE = "=== /EFI/Microsoft/Boot/bootmgfw.efi\nmanager\n"


@pytest.mark.parametrize(
    ("esps", "of", "firmware", "written"),
    [
        # The ESPs of the first disk, which has a Linux, and of the second, where Windows is.
        (("=== /EFI/debian/grubx64.efi\nx\n", _MANAGER_TREE), "gpt", "uefi", 1),
        ((_MANAGER_TREE, _MANAGER_TREE), "gpt", "uefi", 1),
        ((_MANAGER_TREE, ""), "gpt", "uefi", 0),
        (("=== /EFI/debian/grubx64.efi\nx\n", ""), "gpt", "bios", None),
        ((_MANAGER_TREE, ""), "dos", "bios", None),
    ],
)
def test_its_own_partition_of_the_loaders_is_taken(
    esps: tuple[str, str], of: str, firmware: str, written: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disks, starts = [tmp_path / "one.img", tmp_path / "two.img"], []
    for number, described in enumerate(esps):
        parts = []
        if described:
            fat(tmp_path / "esp", tree(tmp_path / f"t{number}", described))
            parts.append(("U", tmp_path / "esp"))
        if number == 1:
            parts.append(("L", make_volume(tmp_path / "windows", "win10")))
        if number == 1 and of == "dos":
            make_disk(tmp_path, "dos", ["ntfs", "swap"]).rename(disks[1])
            put(disks[1], make_volume(tmp_path / "small", "win10", more={}, mib=16), MIB)
            starts.append(MIB)
        else:
            starts.append(gpt(disks[number], parts)[0])
    assert main(["convert", *map(str, disks), "--plan", "--json"]) == 0
    (planned,) = json.loads(capsys.readouterr().out)["systems"]
    assert planned["guest"]["firmware"] == firmware
    if written is None:
        return
    (tmp_path / "out").mkdir()
    assert main(["convert", *map(str, disks), "--repair", "--to", f"{tmp_path / 'out'}/", "--format", "raw"]) == 0
    for number, described in enumerate(esps):
        if described:
            image = f"{tmp_path / 'out' / disks[number].name}@@{starts[number]}"
            assert ("BOOTX64.EFI" in run("mdir", "-b", "-/", "-i", image, "::/")) is (number == written)


def test_a_hibernated_one_is_refused_or_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volume = make_volume(tmp_path / "windows", "win10", more={"hiberfil.sys": b"HIBR" + bytes(8188)})
    disk, image = tmp_path / "old.img", tmp_path / "new.img"
    (start,) = gpt(disk, [("L", volume)])
    arguments = ["convert", str(disk), "--repair", "--to", str(image), "--format", "raw"]
    assert main(arguments) == 1
    assert "hibernates, or was shut down by a fast start-up" in capsys.readouterr().err
    assert not list(tmp_path.glob("new.img*"))
    assert main([*arguments, "--drop-hibernation"]) == 0
    with volume_at(piece(image, start, 24, tmp_path / "made")) as place:
        assert not (place / "hiberfil.sys").exists()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([], "drivers holds no driver package"),
        (["a/x.inf", "b/x.inf"], "x.inf is there twice, once below"),
        (None, "drivers is not a folder"),
    ],
)
def test_a_folder_without_drivers_is_refused(
    tmp_path: Path, made: list[str] | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "drivers"
    if made is not None:
        folder.mkdir()
    for name in made or []:
        (folder / name).parent.mkdir()
        (folder / name).write_text("[Version]\n")
    assert main(["convert", "x", "--plan", "--drivers", str(folder)]) == 2
    assert message in capsys.readouterr().err
