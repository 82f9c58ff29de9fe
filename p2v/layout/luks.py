"""Encrypted volumes: LUKS1 and LUKS2 (cryptsetup's on-disk formats) and BitLocker. Without the key, all of it is in use."""

import json
import struct
from typing import Any

from ..types import Encryption, Reader
from .keepers import Kept, kept_by_tokens, kept_of_bitlocker, kept_of_luks1, metadata_of_bitlocker
from .model import Content, Damaged, Kind

_HEADERS = ((0, b"LUKS\xba\xbe"), (0x4000, b"SKUL\xba\xbe"))  # LUKS2 has a second one
_MOST_JSON = 4 << 20
_STRANGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def recognise_luks(volume: Reader) -> Content | None:
    """A LUKS volume, by its header or by LUKS2's second one, or None."""
    for offset, magic in _HEADERS:
        header = volume.read(offset, 512)
        if len(header) == 512 and header[:6] == magic:
            version = struct.unpack_from(">H", header, 6)[0]
            label = header[24:72].split(b"\0")[0].decode("utf-8", "replace") if version == 2 else ""
            identity = header[168:208].split(b"\0")[0].decode("ascii", "replace")
            title, kept = f"LUKS{version}", _kept(volume, offset, header)
            whole = "it is encrypted"
            return Content(Kind.LUKS, title, label, identity, whole_because=whole, kept_by=kept.by, kept_only=kept.only)
    return None


def recognise_bitlocker(volume: Reader) -> Content | None:
    """A BitLocker volume, or None: Vista's and later ones, and BitLocker To Go by the GUID in its FAT-like boot sector."""
    sector = volume.read(0, 512)
    if len(sector) == 512 and (sector[3:11] == b"-FVE-FS-" or metadata_of_bitlocker(sector) is not None):
        kept, whole = kept_of_bitlocker(volume, sector), "it is encrypted"
        return Content(Kind.BITLOCKER, "BitLocker", whole_because=whole, kept_by=kept.by, kept_only=kept.only)
    return None


def encryption(volume: Reader) -> Encryption:
    """How a LUKS volume is encrypted. Raises Damaged, which names what is not understood."""
    for offset, magic in _HEADERS:
        header = volume.read(offset, 4096)
        if len(header) == 4096 and header[:6] == magic:
            (version,) = struct.unpack_from(">H", header, 6)
            found = _of_luks1(header) if version == 1 else _of_luks2(volume, offset, header)
            if found.offset == 0:
                raise Damaged("it is a detached header: the data that it belongs to is on another volume")
            return found
    raise Damaged("its header is gone")


def _of_luks1(header: bytes) -> Encryption:
    """LUKS On-Disk Format Specification 1.2.3, figure 1."""
    cipher, mode = (header[start : start + 32].split(b"\0")[0].decode("ascii", "replace") for start in (8, 40))
    (payload,) = struct.unpack_from(">I", header, 104)
    return Encryption(f"{cipher}-{mode}", payload * 512)


def _of_luks2(volume: Reader, offset: int, header: bytes) -> Encryption:
    """LUKS2 On-Disk Format Specification 1.1.3, sections 2.1 and 3."""
    try:
        told = _json(volume, offset, header)
        if told["config"].get("requirements", {}).get("mandatory"):
            raise Damaged("an encryption of it is under way; let the machine finish that")
        segments = list(told["segments"].values())
        if len(segments) != 1 or segments[0]["type"] != "crypt":
            raise Damaged("only parts of it are encrypted")
        (segment,) = segments
        if "integrity" in segment:
            raise Damaged(f"it is authenticated, too ({segment['integrity']['type']})")
        return Encryption(
            str(segment["encryption"]),
            int(segment["offset"]),
            None if segment["size"] == "dynamic" else int(segment["size"]),
            int(segment["sector_size"]),
            int(segment["iv_tweak"]),
            kept_by_tokens(told).only,
        )
    except _STRANGE:
        raise Damaged("its header cannot be understood") from None


def _kept(volume: Reader, offset: int, header: bytes) -> Kept:
    try:
        if header[6:8] == b"\0\1":
            return kept_of_luks1(volume, volume.read(offset, 4096))
        return kept_by_tokens(_json(volume, offset, header))
    except (Damaged, struct.error, *_STRANGE):
        return Kept()  # what is wrong with it is said by who wants to open it


def _json(volume: Reader, offset: int, header: bytes) -> dict[str, Any]:
    """What a LUKS2 header says. Raises Damaged, ValueError, RecursionError."""
    (size,) = struct.unpack_from(">Q", header, 8)
    if not 4096 < size <= _MOST_JSON:
        raise Damaged(f"its header says that it is {size} bytes long")
    told: dict[str, Any] = json.loads(volume.read(offset + 4096, size - 4096).split(b"\0")[0])
    return told
