"""Reads the Unicode tables of console fonts (PSF 1 and 2, as kbd documents them), and prints what all of them hold."""

import gzip
import struct
import sys
from pathlib import Path

_PSF1, _PSF2 = b"\x36\x04", b"\x72\xb5\x4a\x86"


def glyphs(path: Path) -> set[str]:
    """The characters that a font has a glyph of its own for; sequences of several are passed over."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if data[:2] == _PSF1:
        return _psf1(data)
    if data[:4] == _PSF2:
        return _psf2(data)
    raise ValueError(f"{path} is no PSF font")


def _psf1(data: bytes) -> set[str]:
    count = 512 if data[2] & 1 else 256
    table = data[4 + count * data[3] :]
    found: set[str] = set()
    in_sequence = False
    for (code,) in struct.iter_unpack("<H", table[: len(table) // 2 * 2]):
        if code == 0xFFFF:
            in_sequence = False
        elif code == 0xFFFE:
            in_sequence = True
        elif not in_sequence:
            found.add(chr(code))
    return found


def _psf2(data: bytes) -> set[str]:
    _version, header, _flags, count, size, _height, _width = struct.unpack("<7I", data[4:32])
    found: set[str] = set()
    for entry in data[header + count * size :].split(b"\xff"):
        found |= set(entry.split(b"\xfe")[0].decode("utf-8", "ignore"))
    return found


if __name__ == "__main__":
    common = sorted(set.intersection(*(glyphs(Path(name)) for name in sys.argv[1:])))
    shown = [char for char in common if char.isprintable() and char != " "]
    for start in range(0, len(shown), 64):
        print("".join(shown[start : start + 64]))
