"""How a person gets to the virtualization switch."""

import pytest

from xeninstall.machine.advice import virtualization_remedy, way_to_setup
from xeninstall.machine.model import Firmware, FirmwareMode

from .test_recorded import load


@pytest.mark.parametrize(
    ("vendor", "key"), [("Dell Inc.", "F2"), ("HPE", "F9"), ("LENOVO", "F1"), ("Supermicro", "Del"), ("HP", "F10")]
)
def test_the_makers_key_is_named(vendor: str, key: str) -> None:
    assert f"press {key}" in way_to_setup(Firmware(mode=FirmwareMode.BIOS, system_vendor=vendor))


def test_an_unknown_maker_gets_the_usual_keys() -> None:
    assert "Del, F2, F10 or Esc" in way_to_setup(Firmware(mode=FirmwareMode.BIOS, system_vendor="Nobody"))


def test_uefi_can_be_asked_by_command_and_bios_cannot() -> None:
    assert "--firmware-setup" in way_to_setup(Firmware(mode=FirmwareMode.UEFI))
    assert "--firmware-setup" not in way_to_setup(Firmware(mode=FirmwareMode.BIOS))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("uefi-plain", ""),
        ("intel-vt-off", "Enable Intel Virtualization Technology (VT-x, VMX)"),
        ("amd-svm-off", "Enable SVM Mode"),
        ("no-vt", "Only paravirtual (PV) guests"),
        ("unknown-verdict", "Look for Intel Virtualization Technology"),
    ],
)
def test_each_verdict_has_its_remedy(name: str, words: str) -> None:
    remedy = virtualization_remedy(load(name))
    assert words in remedy and bool(remedy) == bool(words)
