"""The hybrid image: equal trees give equal bytes, it starts on both firmwares' terms, and what is put in comes out."""

import json
import subprocess
from pathlib import Path

import pytest

from iso.medium import image
from xeninstall.base.errors import Error
from xeninstall.base.run import SystemRunner

from .small import ANSWERS, BOOT, LIVE, medium


def assembled(place: Path, answers: bytes | None = None) -> Path:
    """An image of the small medium."""
    whole = medium(place, answers)
    image.assemble(whole, place / "medium.iso", place, SystemRunner())
    return place / "medium.iso"


def test_two_builds_are_equal_to_the_byte(tmp_path: Path) -> None:
    first, second = assembled(tmp_path / "one", ANSWERS), assembled(tmp_path / "two", ANSWERS)
    assert first.read_bytes() == second.read_bytes()


def test_it_is_an_iso_with_a_loader_for_each_firmware_and_a_disk_with_an_esp(tmp_path: Path) -> None:
    made = assembled(tmp_path)
    said = subprocess.run(
        ["xorriso", "-indev", made, "-report_el_torito", "plain"], capture_output=True, text=True, check=True
    ).stdout
    assert "El Torito boot img :   1  BIOS  y   none" in said
    assert "El Torito boot img :   2  UEFI  y   none" in said
    volume = subprocess.run(["blkid", "-p", "-o", "value", "-s", "LABEL", made], capture_output=True, text=True, check=True)
    assert volume.stdout.strip() == image.VOLUME
    table = json.loads(subprocess.run(["sfdisk", "--json", made], capture_output=True, text=True, check=True).stdout)
    types = [partition["type"] for partition in table["partitiontable"]["partitions"]]
    assert "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" in types
    assert made.read_bytes()[510:512] == b"\x55\xaa"


def test_the_esp_holds_the_signed_chain(tmp_path: Path) -> None:
    whole = medium(tmp_path)
    esp = tmp_path / "esp.img"
    image.make_esp(whole, esp, SystemRunner())
    for name in ("BOOTX64.EFI", "grubx64.efi", "mmx64.efi"):
        read = subprocess.run(["mcopy", "-n", "-i", esp, f"::/EFI/BOOT/{name}", "-"], capture_output=True, check=True)
        assert read.stdout == BOOT[name]


def test_what_was_put_in_comes_out(tmp_path: Path) -> None:
    image.extract(assembled(tmp_path), tmp_path / "out", SystemRunner())
    for name, data in LIVE.items():
        assert (tmp_path / "out/live" / name).read_bytes() == data


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "other.iso"
    other.write_bytes(bytes(100_000))
    with pytest.raises(Error, match=r"other\.iso is no boot medium of xeninstall") as refused:
        image.extract(other, tmp_path / "out", SystemRunner())
    assert refused.value.hint == "name an image that make iso has made"


def test_an_image_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text("other")
    subprocess.run(
        ["xorriso", "-as", "mkisofs", "-quiet", "-o", tmp_path / "x.iso", tmp_path / "tree"], check=True, capture_output=True
    )
    with pytest.raises(Error, match=r"x\.iso is no boot medium of xeninstall"):
        image.extract(tmp_path / "x.iso", tmp_path / "out", SystemRunner())
