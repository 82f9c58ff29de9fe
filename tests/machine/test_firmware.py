"""BIOS or UEFI, Secure Boot, and the machine's name plate."""

from xeninstall.machine.firmware import firmware
from xeninstall.machine.model import FirmwareMode

from .computer import Computer


def test_without_efi_it_is_bios_and_secure_boot_is_no_question(computer: Computer) -> None:
    found = firmware(computer.look())
    assert (found.mode, found.secure_boot) == (FirmwareMode.BIOS, None)


def test_secure_boot_is_read_from_its_variable(computer: Computer) -> None:
    computer.uefi(secure_boot=True)
    assert firmware(computer.look()).secure_boot is True
    computer.uefi(secure_boot=False)
    assert firmware(computer.look()).secure_boot is False


def test_uefi_without_the_variable_enforces_nothing(computer: Computer) -> None:
    computer.file("/sys/firmware/efi/efivars/Boot0000-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"")
    assert firmware(computer.look()).secure_boot is False


def test_unmounted_efivars_are_noted_with_the_remedy(computer: Computer) -> None:
    computer.file("/sys/firmware/efi/runtime", "")
    look = computer.look()
    assert firmware(look).secure_boot is None
    assert any("mount -t efivarfs" in note for note in look.notes)


def test_a_variable_of_the_wrong_length_is_not_believed(computer: Computer) -> None:
    computer.uefi(secure_boot=True)
    computer.file("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\x01")
    assert firmware(computer.look()).secure_boot is None


def test_plates_that_the_maker_never_filled_in_are_empty(computer: Computer) -> None:
    computer.dmi("Supermicro", "X11", "To be filled by O.E.M.", "3.4")
    found = firmware(computer.look())
    assert (found.system_vendor, found.system_product, found.system_serial, found.bios_version) == (
        "Supermicro",
        "X11",
        "",
        "3.4",
    )


def test_a_plate_that_may_not_be_read_is_noted(computer: Computer) -> None:
    computer.dmi("Dell Inc.", "R640", "x", "1")
    (computer.root / "sys/class/dmi/id/product_serial").unlink()
    look = computer.look()
    assert firmware(look).system_serial == ""
    assert any("serial number of the machine not seen" in note for note in look.notes)
