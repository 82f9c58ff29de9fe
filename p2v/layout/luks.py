"""Encrypted volumes: LUKS1 and LUKS2 (cryptsetup's on-disk formats) and BitLocker. Without the key, all of it is in use."""

import json
import struct

from ..types import Encryption, Reader
from .model import Content, Damaged, Kind

_HEADERS = ((0, b"LUKS\xba\xbe"), (0x4000, b"SKUL\xba\xbe"))  # LUKS2 has a second one
_MOST_JSON = 4 << 20


def recognise_luks(volume: Reader) -> Content | None:
    """A LUKS volume, by its header or by LUKS2's second one, or None."""
    for offset, magic in _HEADERS:
        header = volume.read(offset, 512)
        if len(header) == 512 and header[:6] == magic:
            version = struct.unpack_from(">H", header, 6)[0]
            label = header[24:72].split(b"\0")[0].decode("utf-8", "replace") if version == 2 else ""
            identity = header[168:208].split(b"\0")[0].decode("ascii", "replace")
            return Content(Kind.LUKS, f"LUKS{version}", label=label, uuid=identity, whole_because="it is encrypted")
    return None


def recognise_bitlocker(volume: Reader) -> Content | None:
    """A BitLocker volume, or None: Vista's and later ones, and BitLocker To Go by the GUID in its FAT-like boot sector."""
    sector = volume.read(0, 512)
    to_go = bytes.fromhex("3bd67649292ed84a8399f6a339e3d001")
    if len(sector) == 512 and (sector[3:11] == b"-FVE-FS-" or to_go in (sector[0xA0:0xB0], sector[0x1A8:0x1B8])):
        return Content(Kind.BITLOCKER, "BitLocker", whole_because="it is encrypted")
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
    (size,) = struct.unpack_from(">Q", header, 8)
    if not 4096 < size <= _MOST_JSON:
        raise Damaged(f"its header says that it is {size} bytes long")
    try:
        told = json.loads(volume.read(offset + 4096, size - 4096).split(b"\0")[0])
        if told["config"].get("requirements", {}).get("mandatory"):
            raise Damaged("an encryption of it is under way; let the machine finish that")
        segments = list(told["segments"].values())
        if len(segments) != 1 or segments[0]["type"] != "crypt":
            raise Damaged("only parts of it are encrypted")
        (segment,) = segments
        if "integrity" in segment:
            raise Damaged(f"it is authenticated, too ({segment['integrity']['type']})")
        # A recovery key is typed like any passphrase.
        tokens = [token for token in told.get("tokens", {}).values() if token["type"] != "systemd-recovery"]
        held = {slot for token in tokens for slot in token["keyslots"]}
        return Encryption(
            str(segment["encryption"]),
            int(segment["offset"]),
            None if segment["size"] == "dynamic" else int(segment["size"]),
            int(segment["sector_size"]),
            int(segment["iv_tweak"]),
            bool(told["keyslots"]) and set(told["keyslots"]) <= held,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Damaged("its header cannot be understood") from None
