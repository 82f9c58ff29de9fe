"""The EFI system partition as a folder: what is changed there, and nothing else, is changed on the disk."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from p2v.guest import esp as esp_module
from p2v.guest.apply import RepairError
from p2v.guest.esp import Esp, staged
from p2v.types import Extent
from tests.p2v.disks import MIB, run
from xeninstall.base.run import SystemRunner

from .real_disks import fat, tree

WHOLE = Extent(0, 34 * MIB)
pytestmark = pytest.mark.root  # contained by bubblewrap


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A FAT of 34 MiB, one MiB into a file."""
    part = tmp_path / "part"
    described = "=== /EFI/Vendor Name/grubx64.efi\ngrub\n=== /EFI/a.long.name.that.is.no.dos.name\nx\n=== /loader/x.conf\nold\n"
    fat(part, tree(tmp_path / "t", described))
    path = tmp_path / "image"
    path.write_bytes(bytes(MIB) + part.read_bytes() + bytes(MIB))
    return path


def taken(image: Path, folder: Path) -> Esp:
    """The partition's folder."""
    folder.mkdir()
    esp = Esp(image, MIB, folder, SystemRunner())
    esp.take()
    return esp


def test_nothing_changed_is_nothing_written(image: Path, tmp_path: Path) -> None:
    before = image.read_bytes()
    esp = taken(image, tmp_path / "esp")
    assert (tmp_path / "esp/EFI/Vendor Name/grubx64.efi").read_text() == "grub"
    esp.put_back()
    assert image.read_bytes() == before


def test_files_are_added_changed_and_removed(image: Path, tmp_path: Path) -> None:
    esp = taken(image, tmp_path / "esp")
    new = tmp_path / "esp/EFI/BOOT/deep/BOOTX64.EFI"
    new.parent.mkdir(parents=True)
    new.write_bytes(b"loader" * 1000)
    (tmp_path / "esp/loader/x.conf").write_text("new")
    (tmp_path / "esp/EFI/a.long.name.that.is.no.dos.name").unlink()
    esp.put_back()
    run("fsck.vfat", "-n", _alone(image, tmp_path / "alone"))
    again = taken(image, tmp_path / "again")
    assert (again.folder / "EFI/BOOT/deep/BOOTX64.EFI").read_bytes() == b"loader" * 1000
    assert (again.folder / "loader/x.conf").read_text() == "new"
    assert not (again.folder / "EFI/a.long.name.that.is.no.dos.name").exists()
    assert image.read_bytes()[:MIB] == bytes(MIB) and image.read_bytes()[-MIB:] == bytes(MIB)


def test_what_does_not_fit_is_an_error(image: Path, tmp_path: Path) -> None:
    esp = taken(image, tmp_path / "esp")
    (tmp_path / "esp/big").write_bytes(bytes(40 * MIB))
    with pytest.raises(RepairError, match="the EFI system partition could not be written") as raised:
        esp.put_back()
    assert raised.value.hint


def test_what_is_no_fat_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(bytes(4 * MIB))
    with pytest.raises(RepairError, match="the EFI system partition could not be read"):
        taken(tmp_path / "image", tmp_path / "esp")


def test_a_damaged_one_reaches_nothing_outside_of_its_folder(image: Path, tmp_path: Path) -> None:
    data = bytearray(image.read_bytes())
    # Names that lead up, where the vendor's folder and its file had theirs.
    for old, new in ((b"GRUBX64 EFI", b"..      EFI"), (b"LOADER     ", b"../../X    "), (b"EFI        ", b"..         ")):
        place = data.find(old)
        data[place : place + 11] = new if place >= 0 else data[place : place + 11]
    image.write_bytes(bytes(data))
    before = sorted(path for path in tmp_path.rglob("*") if "esp" not in path.parts)
    with suppress(RepairError):
        taken(image, tmp_path / "esp")
    assert sorted(path for path in tmp_path.rglob("*") if "esp" not in path.parts) == before


def _alone(image: Path, to: Path) -> Path:
    to.write_bytes(image.read_bytes()[MIB:-MIB])
    return to


def test_entries_that_share_their_bytes_come_out_no_larger_than_the_partition(tmp_path: Path) -> None:
    part = tmp_path / "part"
    tree(tmp_path / "t", "=== /SHARED.BIN\nx\n")
    (tmp_path / "t/SHARED.BIN").write_bytes(bytes(range(256)) * (8 * MIB // 256))
    fat(part, tmp_path / "t")
    data = bytearray(part.read_bytes())
    at = data.find(b"SHARED  BIN")
    for number in range(1, 12):
        data[at + 32 * number : at + 32 * number + 32] = data[at : at + 32]
        data[at + 32 * number : at + 32 * number + 6] = b"COPY%02d" % number
    part.write_bytes(data)
    too_much = "the EFI system partition is damaged, or not one: more than 50 MiB would come out of it"
    with pytest.raises(RepairError, match=too_much) as raised, staged(part, WHOLE, SystemRunner()):
        pass
    assert raised.value.hint and not mounted()


def test_folders_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    part = tmp_path / "part"
    fat(part, tree(tmp_path / "t", "=== /A/B/C/file\nx\n"))
    data = bytearray(part.read_bytes())
    # Each of the inner folder's entries is the outer folder again.
    outer, inner = (data[(at := data.find(name)) : at + 32] for name in (b"A          ", b"B          "))
    root = data.find(b"A          ")
    at = data.find(b"C          ")
    for number in range(8):
        data[at + 32 * number : at + 32 * number + 32] = outer
        data[at + 32 * number : at + 32 * number + 2] = b"D%d" % number
    assert inner and root < at
    part.write_bytes(data)
    with pytest.raises(RepairError, match="the EFI system partition"), staged(part, WHOLE, SystemRunner()):
        pass
    assert not mounted()


def test_more_files_than_anybody_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(esp_module, "_MOST_FILES", 20)
    part = tmp_path / "part"
    fat(part, tree(tmp_path / "t", "".join(f"=== /{number}\nx\n" for number in range(30))))
    with pytest.raises(RepairError, match="more than 20 files would come out of it"), staged(part, WHOLE, SystemRunner()):
        pass


def test_whoever_writes_into_its_folder_fills_nothing_else(image: Path) -> None:
    with staged(image, Extent(MIB, 34 * MIB), SystemRunner()) as esp:
        assert os.statvfs(esp.folder).f_blocks * os.statvfs(esp.folder).f_frsize == 50 * MIB
        with pytest.raises(OSError, match="No space left"), (esp.folder / "big").open("wb") as file:
            for _ in range(60):
                file.write(bytes(MIB))
        (esp.folder / "big").unlink()
        (esp.folder / "link").symlink_to("/etc/hostname")
        esp.put_back()
    assert "link" not in run("mdir", "-b", "-i", f"{image}@@{MIB}", "::/")


def mounted() -> bool:
    return "p2v-esp" in Path("/proc/self/mountinfo").read_text()
