"""Sizes in bytes, as people write and read them: binary units, `16G` is 16 GiB everywhere."""

import re

from .errors import UsageError

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB}
_SIZE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,3}))?\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes from `16G`, `512MiB`, `1.5T` or `4096`; raises UsageError with the accepted forms."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[2] and not match[3]):
        raise UsageError(f"{text[:40]!r} is not a size", hint="write a number with K, M, G or T, such as 16G")
    whole, fraction, unit = match[1], match[2] or "", match[3].upper()
    scale: int = 10 ** len(fraction)
    return int(whole + fraction) * _UNITS[unit] // scale


def format_size(size_bytes: int) -> str:
    """`16 GiB`, `1.5 TiB`, `512 bytes`: at most one decimal, so that a column of them reads well."""
    for unit, factor in (("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size_bytes} bytes"


def format_duration(seconds: float) -> str:
    """`8 s`, `1 min 05 s`, `2 h 03 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
