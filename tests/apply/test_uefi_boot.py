"""The ESP, filled by mtools on a real FAT file system."""

from pathlib import Path

import pytest

from tests.given import Recorder
from xeninstall.apply.uefi_boot import fill, put_text, register
from xeninstall.base.errors import Error
from xeninstall.base.run import Completed, MissingTool, SystemRunner
from xeninstall.plan.model import FillEsp, PartitionOf, PlannedDisk, RegisterBootEntry

_ESP = PartitionOf(disk="system", number=2)
_ENTRY = RegisterBootEntry(disk="system", partition=2, label="Xen host")
_DISK = PlannedDisk(key="system", path="/dev/sda", identity="x", size_bytes=1)


@pytest.fixture
def esp(tmp_path: Path) -> str:
    image = tmp_path / "esp.img"
    with image.open("wb") as file:
        file.truncate(40 * 2**20)
    SystemRunner().run(["mkfs.vfat", "-F", "32", str(image)])
    return str(image)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    (place / "usr/lib").mkdir(parents=True)
    (place / "usr/lib/shim").write_bytes(bytes(range(256)) * 1000)
    (place / "shim").symlink_to("/usr/lib/shim")
    return place


def _read(esp: str, path: str, tmp_path: Path) -> bytes:
    out = tmp_path / "read"
    SystemRunner().run(["mcopy", "-n", "-o", "-i", esp, f"::/{path}", str(out)])
    return out.read_bytes()


def test_files_and_texts_arrive_and_a_second_run_replaces_them(esp: str, root: Path, tmp_path: Path) -> None:
    for text in ("first", "second, and longer"):
        action = FillEsp(device=_ESP, copies={"EFI/BOOT/BOOTX64.EFI": "/usr/lib/shim"}, texts={"EFI/debian/grub.cfg": text})
        fill(action, esp, root, SystemRunner())
        assert _read(esp, "EFI/debian/grub.cfg", tmp_path) == text.encode()
    assert _read(esp, "efi/boot/bootx64.efi", tmp_path) == (root / "usr/lib/shim").read_bytes()


def test_a_file_that_the_image_lacks_is_named(esp: str, root: Path) -> None:
    action = FillEsp(device=_ESP, copies={"EFI/BOOT/BOOTX64.EFI": "/usr/lib/none.efi"}, texts={})
    with pytest.raises(Error, match=r"^the system image lacks usr/lib/none\.efi$"):
        fill(action, esp, root, SystemRunner())


def test_an_esp_that_forgets_what_was_written_is_found_out(root: Path) -> None:
    def forgetful(argv: tuple[str, ...]) -> None:
        if argv[0] == "mcopy" and argv[-2].startswith("::/"):
            Path(argv[-1]).write_bytes(b"something else")

    action = FillEsp(device=_ESP, copies={"EFI/BOOT/BOOTX64.EFI": "/usr/lib/shim"}, texts={})
    with pytest.raises(Error, match="the ESP /dev/sda2 does not return what was written to it") as caught:
        fill(action, "/dev/sda2", root, Recorder(forgetful))
    assert caught.value.hint == "the disk is defective: use another one"


def test_the_journals_copy_is_replaced(esp: str, tmp_path: Path) -> None:
    for text in ("one", "two"):
        put_text(esp, "journal.json", text, SystemRunner())
    assert _read(esp, "journal.json", tmp_path) == b"two"


def test_firmware_that_takes_no_entry_is_a_warning() -> None:
    full = Recorder(lambda argv: Completed(argv, 5, "", "debug\nCould not prepare Boot variable: No space left on device\n"))
    assert register(_ENTRY, _DISK, full) == (
        "the firmware took no boot entry (Could not prepare Boot variable: No space left on device); it will find "
        "EFI/BOOT/BOOTX64.EFI by itself"
    )
    missing = Recorder(lambda _argv: MissingTool("efibootmgr"))
    assert "the program efibootmgr is missing" in register(_ENTRY, _DISK, missing)
    good = Recorder()
    assert register(_ENTRY, _DISK, good) == ""
    assert good.ran[-1][-1] == r"\EFI\debian\shimx64.efi"


def test_entries_of_earlier_installations_make_room() -> None:
    label = _ENTRY.label
    listed = f"BootCurrent: 0001\nBoot0001* debian\tHD(…)\nBoot0003* {label}\tHD(…)\nBoot000A  {label}\nBoot000B* {label} 2\n"
    firmware = Recorder(lambda argv: Completed(argv, 0, listed if len(argv) == 1 else "", ""))
    register(_ENTRY, _DISK, firmware)
    assert [argv[-1] for argv in firmware.ran if "--delete-bootnum" in argv] == ["0003", "000A"]
