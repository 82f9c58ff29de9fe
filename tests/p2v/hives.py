"""Registry hives: the emptiest one that there is, which libhivex then fills as Windows would."""

import struct
from pathlib import Path

from tests.p2v.disks import run


def empty_hive() -> bytes:
    """A root key in one bin."""
    name = b"CMI-CreateHive{00000000-0000-0000-0000-000000000000}"
    security_at, root_at = 32, 32 + 0x80
    descriptor = struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
    security = b"sk" + struct.pack("<HIIII", 0, security_at, security_at, 1, len(descriptor)) + descriptor
    root = struct.pack("<2sHQIIIIIIIIIIIIIIHH", b"nk", 0x2C, 1 << 56, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0xFFFFFFFF,
                       security_at, 0xFFFFFFFF, 0, 0, 0, 0, len(name), 0)  # fmt: skip
    root = root[:74] + b"\0\0" + name
    cells = struct.pack("<i", -0x80) + security.ljust(0x7C, b"\0")
    size = -(-(len(root) + 4) // 8) * 8
    cells += struct.pack("<i", -size) + root.ljust(size - 4, b"\0")
    left = 4096 - 32 - len(cells)
    body = struct.pack("<4sII8xQ4x", b"hbin", 0, 4096, 1 << 56) + cells + struct.pack("<i", left) + bytes(left - 4)
    head = struct.pack("<4sIIQIIIIIII", b"regf", 1, 1, 1 << 56, 1, 5, 0, 1, root_at, 4096, 1).ljust(508, b"\0")
    words = struct.unpack("<127I", head)
    checksum = 0
    for word in words:
        checksum ^= word
    return (head + struct.pack("<I", checksum)).ljust(4096, b"\0") + body


def hive(path: Path, text: str) -> Path:
    """A hive with what a .reg file says, written by libhivex."""
    path.write_bytes(empty_hive())
    registry = path.with_suffix(".reg")
    registry.write_text("Windows Registry Editor Version 5.00\n\n" + text, encoding="utf-8")
    run("hivexregedit", "--merge", "--prefix", "HKEY_LOCAL_MACHINE\\SOFTWARE", path, registry)
    return path
