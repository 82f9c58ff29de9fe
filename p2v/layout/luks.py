"""Encrypted volumes: LUKS1 and LUKS2 (cryptsetup's on-disk format) and BitLocker. Without the key, all of it is in use."""

import struct

from ..types import Reader
from .model import Content, Kind


def recognise_luks(volume: Reader) -> Content | None:
    """A LUKS volume, by its header or by LUKS2's second one, or None."""
    for offset, magic in ((0, b"LUKS\xba\xbe"), (0x4000, b"SKUL\xba\xbe")):
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
