"""Who keeps the keys of an encrypted volume besides people: the machine's TPM, a server, a card. Read from headers alone."""

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..types import Reader

TPM = "this machine's TPM"
_SYSTEMD = {
    "systemd-tpm2": f"{TPM} (systemd)",
    "systemd-fido2": "a FIDO2 key (systemd)",
    "systemd-pkcs11": "a smart card (systemd)",
}
_CLEVIS = {"tpm2": f"{TPM} (clevis)", "tang": "a Tang server (clevis)"}
_CLEVIS_UUID = bytes.fromhex("cb6e890481ff40daa84a07ab9ab5715e")
_LUKS1_SLOTS, _SLOT_ON = 8, 0x00AC71F3
# struct bitlk_entry_vmk of cryptsetup's lib/bitlk: how a volume master key is protected.
_PROTECTORS = {0x0100: f"{TPM}", 0x0200: "a startup key", 0x0500: f"{TPM} and a PIN", 0x1000: "a smart card"}
_CLEAR, _RECOVERY, _PASSPHRASE = 0x0000, 0x0800, 0x2000
# Of volumes encrypted whole, and of those where only used space is.
_BITLOCKER = (bytes.fromhex("3bd66749292ed84a8399f6a339e3d001"), bytes.fromhex("3b4da89280dd0e4d9e4eb1e3284eaed8"))
_MOST_METADATA = 64 << 10


@dataclass(frozen=True)
class Kept:
    """By whom, in words; `only`: there is no passphrase and no recovery key beside."""

    by: tuple[str, ...] = ()
    only: bool = False


def kept_by_tokens(header: Mapping[str, Any]) -> Kept:
    """Of a LUKS2 header's JSON (LUKS2 On-Disk Format Specification 1.1.3, section 3.5). Raises KeyError, TypeError, …"""
    # A recovery key is typed like any passphrase.
    tokens = [token for token in header.get("tokens", {}).values() if token["type"] != "systemd-recovery"]
    held = {slot for token in tokens for slot in token["keyslots"]}
    names = tuple(dict.fromkeys(_token(token) for token in tokens if token["keyslots"]))
    return Kept(names, bool(header["keyslots"]) and set(header["keyslots"]) <= held)


def kept_of_luks1(volume: Reader, header: bytes) -> Kept:
    """What clevis noted by luksmeta: a block behind the last key slot, big-endian {magic, u32 version, u32 crc} and eight slots
    of {uuid, u32 offset, length, crc, reserved}; slot by slot it goes with a key slot (libluksmeta.c).
    """
    slots = [struct.unpack_from(">II32sII", header, 208 + 48 * number) for number in range(_LUKS1_SLOTS)]
    (key_bytes,) = struct.unpack_from(">I", header, 108)
    behind = max(start * 512 + key_bytes * stripes for _, _, _, start, stripes in slots)
    noted = volume.read((behind + 4095) // 4096 * 4096, 16 + 32 * _LUKS1_SLOTS) if behind < volume.size_bytes else b""
    if len(noted) != 16 + 32 * _LUKS1_SLOTS or noted[:8] != b"LUKSMETA":
        return Kept()
    held = {number for number in range(_LUKS1_SLOTS) if noted[16 + 32 * number :][:16] == _CLEVIS_UUID}
    used = {number for number, slot in enumerate(slots) if slot[0] == _SLOT_ON}
    return Kept(("clevis",) if held else (), bool(held) and used <= held)


def kept_of_bitlocker(volume: Reader, sector: bytes) -> Kept:
    """The protectors of a BitLocker volume of Windows 7 and later (struct bitlk_fve_metadata of cryptsetup's lib/bitlk)."""
    for place in metadata_of_bitlocker(sector) or ():
        found = _protectors(volume.read(place, _MOST_METADATA)) if place <= volume.size_bytes else None
        if found is not None:
            if _CLEAR in found:
                return Kept()  # its protection is suspended: a key lies open beside it
            names = tuple(_PROTECTORS[one] for one in sorted(found) if one in _PROTECTORS)
            return Kept(names, bool(found) and not found & {_RECOVERY, _PASSPHRASE})
    return Kept()


def metadata_of_bitlocker(sector: bytes) -> tuple[int, ...] | None:
    """Where its three copies begin, by a boot sector like NTFS's or one like FAT's (To Go); None where no GUID says so."""
    start = next((place for place in (0xA0, 0x1A8) if sector[place : place + 16] in _BITLOCKER), None)
    return struct.unpack_from("<3Q", sector, start + 16) if start is not None else None


def _protectors(metadata: bytes) -> set[int] | None:
    if len(metadata) < 112 or metadata[:8] != b"-FVE-FS-":
        return None
    (length,) = struct.unpack_from("<I", metadata, 64)
    found, place, end = set(), 112, min(64 + length, len(metadata))
    while place + 8 <= end:
        size, kind, value = struct.unpack_from("<HHH", metadata, place)
        if size < 8 or place + size > end:
            break
        if (kind, value) == (2, 8) and size >= 36:  # a volume master key
            found.add(int(struct.unpack_from("<H", metadata, place + 34)[0]))
        place += size
    return found


def _token(token: Mapping[str, Any]) -> str:
    kind = str(token["type"])
    if kind != "clevis":
        return _SYSTEMD.get(kind) or f"a token ({_shown(kind)})"
    try:
        protected = str(token["jwe"]["protected"])
        pin = str(json.loads(base64.urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))["clevis"]["pin"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "clevis"
    return _CLEVIS.get(pin) or f"clevis ({_shown(pin)})"


def _shown(word: str) -> str:
    return "".join(sign for sign in word if sign.isprintable())[:40]
