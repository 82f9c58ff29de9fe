"""What a volume holds, asked of every parser. Two answers that contradict each other make it unknown, which is copied whole."""

from collections.abc import Callable
from dataclasses import replace

from ..types import Reader
from . import btrfs, ext, fat, luks, ntfs, other, swap, xfs
from .model import Content, Kind

_PARSERS: tuple[Callable[[Reader], Content | None], ...] = (
    luks.recognise_luks,
    luks.recognise_bitlocker,
    ntfs.recognise,
    fat.recognise_exfat,
    xfs.recognise,
    ext.recognise,
    btrfs.recognise,
    swap.recognise,
    other.recognise_mapped,
    other.recognise,
    fat.recognise_fat,
)


def identify(volume: Reader) -> Content:
    """The content; `Kind.UNKNOWN` where nobody knows it."""
    found = [content for parser in _PARSERS if (content := parser(volume)) is not None]
    if not found:
        return Content(Kind.UNKNOWN, "unknown", whole_because="its content is not known")
    content = found[0]
    if content.whole_because:
        return content
    if len(found) > 1:
        titles = " and ".join(candidate.title for candidate in found)
        return replace(content, whole_because=f"it looks like {titles} at once")
    if content.size_bytes is not None and content.size_bytes > volume.size_bytes:
        return replace(content, whole_because=f"its {content.title} says that it is larger than the volume")
    return content
