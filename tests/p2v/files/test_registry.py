"""Hives as libhivex writes them: values are found, and damage is damage."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from p2v.files.opened import TROUBLE
from p2v.files.registry import Hive
from tests.p2v.hives import hive

CURRENT = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]\n"
ABOVE = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft]\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT]\n\n"


def reading(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: data[offset : offset + length]


def test_texts_and_numbers_are_found_by_name_whatever_its_capitals(tmp_path: Path) -> None:
    keys = "".join(f"[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Other{number:04}]\n\n" for number in range(700))
    title = ",".join(f"{byte:02x}" for byte in "Windows Größe\0".encode("utf-16-le"))
    text = ABOVE + keys + CURRENT + f'"ProductName"=hex(1):{title}\n"UBR"=dword:0000000a\n"Blob"=hex:01,02\n"Empty"=""\n'
    data = hive(tmp_path / "SOFTWARE", text).read_bytes()
    found = Hive(reading(data)).values("microsoft\\WINDOWS nt\\currentversion")
    assert found == {"productname": "Windows Größe", "ubr": 10, "empty": ""}
    assert Hive(reading(data)).values("Microsoft\\None") is None
    assert Hive(reading(data)).values("Microsoft") == {}


def test_damage_never_crashes(tmp_path: Path) -> None:
    data = hive(tmp_path / "SOFTWARE", ABOVE + CURRENT + '"ProductName"="Windows"\n').read_bytes()
    rng = random.Random(9)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            changed[rng.randrange(0, 4096 + 1500)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        try:
            Hive(reading(bytes(changed))).values("Microsoft\\Windows NT\\CurrentVersion")
        except TROUBLE:
            continue
    with pytest.raises(TROUBLE):
        Hive(reading(b"")).values("x")
