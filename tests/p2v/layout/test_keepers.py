"""Who keeps the keys of an encrypted volume is read from its header, before anybody tries to open it."""

import base64
import json
import struct
import subprocess
from pathlib import Path

import pytest

from p2v.layout.identify import identify
from p2v.layout.model import Content, Kind
from p2v.source.file import FileReader
from tests.p2v.disks import MIB
from tests.p2v.memory import Memory

_CLEVIS = bytes.fromhex("cb6e890481ff40daa84a07ab9ab5715e")
# cryptsetup's plugins refuse tokens of theirs that lack something.
_TPM2: dict[str, object] = {
    "type": "systemd-tpm2",
    "keyslots": ["0"],
    "tpm2-blob": "AAAA",
    "tpm2-pcrs": [7],
    "tpm2-policy-hash": "00",
}
_FIDO2: dict[str, object] = {
    "type": "systemd-fido2",
    "keyslots": ["0"],
    "fido2-credential": "AAAA",
    "fido2-salt": "AAAA",
    "fido2-rp": "io",
}


def _luks(folder: Path, version: int, *tokens: dict[str, object], passphrases: int = 1) -> Content:
    closed = folder / "closed"
    with closed.open("wb") as file:
        file.truncate(20 * MIB)
    quick = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--batch-mode"]
    words = [folder / f"word{number}" for number in range(passphrases)]
    for number, word in enumerate(words):
        word.write_text(f"word {number}")
    _run("luksFormat", "--type", f"luks{version}", *quick, "--key-file", words[0], closed)
    for word in words[1:]:
        _run("luksAddKey", *quick, "--key-file", words[0], closed, word)
    for token in tokens:
        _run("token", "import", "--json-file", "-", closed, said=json.dumps(token))
    if version == 1 and passphrases > 1:
        _note_clevis(closed)
    reader = FileReader(closed)
    try:
        return identify(reader)
    finally:
        reader.close()


def _run(*words: object, said: str = "") -> None:
    subprocess.run(["cryptsetup", *map(str, words)], input=said, text=True, check=True, capture_output=True)


def _note_clevis(closed: Path) -> None:
    """As luksmeta does it for slot 1."""
    header = closed.read_bytes()[:4096]
    key_bytes = int.from_bytes(header[108:112], "big")
    slots = [struct.unpack_from(">II32sII", header, 208 + 48 * number) for number in range(8)]
    end = max(start * 512 + key_bytes * stripes for _, _, _, start, stripes in slots)
    noted = b"LUKSMETA" + struct.pack(">II", 1, 0) + bytes(32) + _CLEVIS + struct.pack(">4I", 4096, 100, 0, 0) + bytes(6 * 32)
    with closed.open("r+b") as file:
        file.seek((end + 4095) // 4096 * 4096)
        file.write(noted)


def _clevis(pin: str, *slots: str) -> dict[str, object]:
    protected = base64.urlsafe_b64encode(json.dumps({"clevis": {"pin": pin}}).encode()).decode().rstrip("=")
    return {"type": "clevis", "keyslots": list(slots), "jwe": {"protected": protected}}


def test_tokens_of_luks2_say_who_opens_it(tmp_path: Path) -> None:
    assert _luks(tmp_path, 2).kept_by == ()
    found = _luks(tmp_path, 2, _TPM2)
    assert (found.kept_by, found.kept_only) == (("this machine's TPM (systemd)",), True)
    found = _luks(tmp_path, 2, _clevis("tpm2", "0"), _clevis("tang", "0"), passphrases=2)
    assert (found.kept_by, found.kept_only) == (("this machine's TPM (clevis)", "a Tang server (clevis)"), False)
    recovery: dict[str, object] = {"type": "systemd-recovery", "keyslots": ["1"]}
    found = _luks(tmp_path, 2, _FIDO2, recovery, passphrases=2)
    assert (found.kept_by, found.kept_only) == (("a FIDO2 key (systemd)",), False)


def test_what_clevis_noted_in_luks1_is_seen(tmp_path: Path) -> None:
    assert _luks(tmp_path, 1).kept_by == ()
    found = _luks(tmp_path, 1, passphrases=2)
    assert (found.kept_by, found.kept_only) == (("clevis",), False)


def bitlocker(*protections: int) -> bytes:
    """A volume's beginning, with these protectors in its first metadata block at 4 KiB."""
    guid = bytes.fromhex("3bd66749292ed84a8399f6a339e3d001")
    sector = (b"\xeb\x58\x90-FVE-FS-".ljust(160, b"\0") + guid + struct.pack("<3Q", 4096, 8192, 12288)).ljust(
        510, b"\0"
    ) + b"\x55\xaa"
    keys = b"".join(struct.pack("<4H", 36, 2, 8, 1) + bytes(26) + struct.pack("<H", one) for one in protections)
    entries = struct.pack("<4H", 12, 7, 2, 1) + b"hi\0\0" + keys
    block = b"-FVE-FS-" + bytes(56) + struct.pack("<IIII", 48 + len(entries), 1, 48, 48 + len(entries)) + bytes(32) + entries
    return sector.ljust(4096, b"\0") + block


@pytest.mark.parametrize(
    ("protections", "by", "only"),
    [
        ((0x0100,), ("this machine's TPM",), True),
        ((0x0500, 0x0800), ("this machine's TPM and a PIN",), False),
        ((0x2000, 0x0800), (), False),
        ((0x0000, 0x0100), (), False),
        ((), (), False),
    ],
)
def test_protectors_of_bitlocker_are_told(protections: tuple[int, ...], by: tuple[str, ...], only: bool) -> None:
    found = identify(Memory(bitlocker(*protections), 1 << 20))
    assert (found.kind, found.kept_by, found.kept_only) == (Kind.BITLOCKER, by, only)


def test_bitlocker_to_go_is_known_by_its_guid() -> None:
    sector = (b"\xeb\x58\x90MSWIN4.1".ljust(424, b"\0") + bitlocker()[160:184]).ljust(510, b"\0") + b"\x55\xaa"
    assert identify(Memory(sector, 1 << 20)).kind is Kind.BITLOCKER
