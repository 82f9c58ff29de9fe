"""Profiles are read strictly, with an error that names the field."""

import pytest

from xeninstall.base.errors import ExitCode
from xeninstall.machine.model import Machine, MachineError

from .recorded import DATA


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "the file"),
        ("[]", "the file"),
        ("{}", "cpu"),
        ("\x00", "the file"),
        ((DATA / "nvme.json").read_text().replace('"memory_bytes"', '"memory"', 1), "memory_bytes"),
        ((DATA / "nvme.json").read_text().replace('"usable"', '"maybe"', 1), "cpu.virtualization.verdict"),
    ],
)
def test_a_wrong_profile_names_its_first_wrong_field(text: str, where: str) -> None:
    with pytest.raises(MachineError) as caught:
        Machine.from_json(text)
    assert caught.value.message.startswith(f"not a machine profile: {where}: ")
    assert "xeninstall probe --json" in caught.value.hint
    assert caught.value.exit_code is ExitCode.FAILED


def test_bytes_that_are_no_utf8_are_no_profile() -> None:
    with pytest.raises(MachineError):
        Machine.from_json(b"\xff\xfe{}")
