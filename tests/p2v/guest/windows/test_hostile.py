"""Windows volumes that attack whoever reads and repairs them: nothing outside of them is read or written, and it all ends."""

import os
import shutil
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from p2v.guest.apply import RepairError
from p2v.guest.windows.hive import read_keys
from p2v.guest.windows.inspect import inspect
from p2v.guest.windows.model import CopyIn
from p2v.guest.windows.repair import make_on_volume, plan_repairs
from p2v.guest.windows.volume import mounted
from tests.p2v.disks import MIB
from xeninstall.base.run import SystemRunner

from .systems import SYSTEM, hive, make_volume, volume_at
from .test_repairs import VIOSTOR

pytestmark = pytest.mark.root
_CONFIG, _DRIVERS = "Windows/System32/config", "Windows/System32/drivers"
_TOUCHED = (
    "Windows",
    "Windows/System32",
    _CONFIG,
    f"{_CONFIG}/SYSTEM",
    f"{_CONFIG}/SOFTWARE",
    _DRIVERS,
    f"{_DRIVERS}/viostor.sys",
    f"{_DRIVERS}/viostor.sys.before-p2v",
    "p2v",
    "p2v/drivers",
    "p2v/drivers/viostor",
    "p2v/drivers/viostor/viostor.sys",
    "p2v/first-boot.cmd",
    "hiberfil.sys",
)
_SECONDS = 60.0


def attempt(volume: Path) -> str:
    """All that a conversion does to it; returns what was refused, if anything was."""
    place = volume.with_name("attempt")
    place.mkdir()
    try:
        with mounted(str(volume), place, SystemRunner()) as files:
            guest = inspect(files)
        if guest is None:
            return "no Windows"
        report = plan_repairs(replace(guest, packages=(VIOSTOR,)))
        with mounted(str(volume), place, SystemRunner(), writable=True, drop_hibernation=True) as files:
            make_on_volume(report, files, SystemRunner())
    except RepairError as error:
        return error.message
    return ""


def tree_of(folder: Path) -> dict[str, bytes]:
    """Every file below."""
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("name", _TOUCHED)
def test_a_link_at_any_name_that_is_touched_leads_nowhere_outside(name: str, tmp_path: Path) -> None:
    volume, outside = make_volume(tmp_path / "volume", "win10"), tmp_path / "outside"
    (outside / name).parent.mkdir(parents=True)
    with volume_at(volume) as place:
        (place / "hiberfil.sys").write_bytes(b"HIBR" + bytes(8188))
        for file in (f"{_DRIVERS}/viostor.sys", "p2v/drivers/viostor/viostor.sys", "p2v/first-boot.cmd"):
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_bytes(b"old")
        if (place / name).exists():
            # What the link leads to is all that whoever followed it would wish for.
            shutil.move(place / name, outside / name)
        else:
            (outside / name).write_bytes(b"ours")
        (place / name).symlink_to(outside / name)
    before = tree_of(outside)
    refused = attempt(volume)
    assert tree_of(outside) == before
    assert refused or name in ("hiberfil.sys", f"{_DRIVERS}/viostor.sys.before-p2v")


def test_a_folder_that_is_made_is_made_on_the_volume(tmp_path: Path) -> None:
    volume, outside = make_volume(tmp_path / "volume", "win10"), tmp_path / "outside"
    outside.mkdir()
    with volume_at(volume) as place:
        (place / "p2v").symlink_to(outside)
    (tmp_path / "place").mkdir()
    with mounted(str(volume), tmp_path / "place", SystemRunner(), writable=True) as files:
        with pytest.raises(RepairError, match=r"p2v/drivers/x\.sys cannot be written on the Windows volume"):
            files.write(CopyIn("p2v/drivers/x.sys", b"x", "test"))
        files.write(CopyIn("new/below/x.sys", b"x", "test"))
    assert list(outside.iterdir()) == []
    with volume_at(volume) as place:
        assert (place / "new/below/x.sys").read_bytes() == b"x"


def test_pipes_and_folders_in_place_of_files_do_not_hold_it_up(tmp_path: Path) -> None:
    began = time.monotonic()
    for number, (name, make) in enumerate(
        [
            (f"{_DRIVERS}/viostor.sys", os.mkfifo),
            ("p2v/first-boot.cmd", os.mkfifo),
            (f"{_DRIVERS}/viostor.sys", os.mkdir),
            ("p2v/drivers", os.mkfifo),
            ("hiberfil.sys", os.mkfifo),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        volume = make_volume(tmp_path / str(number) / "volume", "win10")
        with volume_at(volume) as place:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            make(place / name)
        refused = attempt(volume)
        assert "cannot be written on the Windows volume" in refused or name == "hiberfil.sys", (name, refused)
    assert time.monotonic() - began < _SECONDS


def lists_itself(data: bytearray) -> None:
    """The root's list of keys is a list of lists that holds itself."""
    root = 4096 + struct.unpack_from("<I", data, 36)[0] + 4
    place = len(data) - 4096
    cell = struct.pack("<i2sH", -(1 << 18), b"ri", 65000) + struct.pack("<I", place + 32) * 65000
    data += (struct.pack("<4sII", b"hbin", place, 1 << 19).ljust(32, b"\0") + cell).ljust(1 << 19, b"\0")
    struct.pack_into("<I", data, 40, len(data) - 4096)
    struct.pack_into("<I4xI", data, root + 20, 65000, place + 32)


def is_its_own_child(data: bytearray) -> None:
    """The root's keys are the root."""
    root_cell = struct.unpack_from("<I", data, 36)[0]
    root = 4096 + root_cell + 4
    place = 4096 + struct.unpack_from("<I", data, root + 28)[0] + 4
    (count,) = struct.unpack_from("<H", data, place + 2)
    for number in range(count):
        struct.pack_into("<I", data, place + 4 + 8 * number, root_cell)


HIVES: dict[str, Callable[[bytearray], object]] = {
    "empty": lambda data: data.clear(),
    "cut within its head": lambda data: data.__delitem__(slice(1000, None)),
    "cut within its keys": lambda data: data.__delitem__(slice(6000, None)),
    "of ones": lambda data: data.__setitem__(slice(4096, None), b"\xff" * (len(data) - 4096)),
    "its root is far away": lambda data: struct.pack_into("<I", data, 36, 0x7FFFFFF0),
    "a list of keys that holds itself": lists_itself,
    "a key that holds itself": is_its_own_child,
    "larger than any": lambda data: data.extend(bytes(512 * MIB)),
}


@pytest.mark.parametrize("name", HIVES)
def test_a_hive_that_is_damaged_is_refused_in_bounded_time(name: str, tmp_path: Path) -> None:
    data = bytearray(hive(SYSTEM["win10"]))
    HIVES[name](data)
    began = time.monotonic()
    with pytest.raises(RepairError):
        keys = read_keys(bytes(data), ["Select", "ControlSet001\\Services\\pciide"])
        if "Select" not in keys:
            raise RepairError("no current control set")
    assert time.monotonic() - began < _SECONDS
    if len(data) < 16 * MIB:
        volume = make_volume(tmp_path / "volume", "win10")
        with volume_at(volume) as place:
            (place / _CONFIG / "SYSTEM").write_bytes(data)
        assert attempt(volume)
        assert time.monotonic() - began < 2 * _SECONDS


def test_a_hive_of_gigabytes_that_takes_no_room_is_not_read(tmp_path: Path) -> None:
    volume = make_volume(tmp_path / "volume", "win10")
    with volume_at(volume) as place, (place / _CONFIG / "SOFTWARE").open("r+b") as file:
        file.truncate(8 << 30)
    assert "SOFTWARE of the Windows system is larger than 512 MiB" in attempt(volume)
