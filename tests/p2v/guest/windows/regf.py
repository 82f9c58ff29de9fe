"""A registry hive with nothing in it but its root, from which hivex's own programs make all others.

The layout is that of "Windows registry file format specification" (M. Suhanov): base block, one bin, a key node, a security cell.
"""

import struct

_BIN_BYTES = 4096
_TIME = 0x01D9_0000_0000_0000
_NONE = 0xFFFFFFFF


def empty_hive(*, dirty: bool = False) -> bytes:
    """As Windows leaves it after a clean shutdown; `dirty`, as when changes still wait in the log beside it."""
    root_at = 32
    name = b"ROOT"
    security_at = root_at + _cell_bytes(76 + len(name))
    # fmt: off
    node = struct.pack(
        "<2sHQIIIIIIIIIIIIIIIHH",
        b"nk", 0x2C, _TIME, 0, 0, 0, 0, _NONE, _NONE, 0, _NONE, security_at, _NONE, 0, 0, 0, 0, 0, len(name), 0,
    ) + name
    # fmt: on
    descriptor = struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 0)
    security = struct.pack("<2sHIIII", b"sk", 0, security_at, security_at, 1, len(descriptor)) + descriptor
    cells = _cell(node) + _cell(security)
    free = _BIN_BYTES - 32 - len(cells)
    data = struct.pack("<4sIIQQI", b"hbin", 0, _BIN_BYTES, 0, _TIME, 0) + cells + struct.pack("<i", free) + bytes(free - 4)
    base = struct.pack("<4sIIQIIIIIII", b"regf", 7 if dirty else 1, 1, _TIME, 1, 5, 0, 1, root_at, _BIN_BYTES, 1)
    base = base.ljust(0x1FC, b"\0")
    checksum = 0
    for (word,) in struct.iter_unpack("<I", base):
        checksum ^= word
    return (base + struct.pack("<I", checksum)).ljust(4096, b"\0") + data


def _cell_bytes(length: int) -> int:
    return -(-(length + 4) // 8) * 8


def _cell(content: bytes) -> bytes:
    size = _cell_bytes(len(content))
    return struct.pack("<i", -size) + content.ljust(size - 4, b"\0")
