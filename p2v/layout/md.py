"""Members of Linux software RAID (kernel: include/uapi/linux/raid/md_p.h). Only a mirror's can be read alone."""

import struct
import uuid
from dataclasses import dataclass

from ..types import Reader

_MAGIC = 0xA92B4EFC
_LEVELS = {-4: "multipath", -1: "linear", 0: "RAID0", 1: "RAID1", 4: "RAID4", 5: "RAID5", 6: "RAID6", 10: "RAID10"}
_RESHAPE, _DDF = 4, b"\xde\x11\xde\x11"


@dataclass(frozen=True)
class MdMember:
    """One member: where its data lies, and why it cannot be read alone where that is so."""

    version: str
    level: int
    disks: int
    uuid: str
    name: str
    data_offset: int
    data_bytes: int
    whole_because: str
    events: int = 0  # what it has seen of the array's life: a half that was left out has seen less

    @property
    def title(self) -> str:
        """As a person calls it."""
        return f"{_LEVELS.get(self.level, f'RAID level {self.level}')} member, metadata {self.version}"


def read_md(volume: Reader) -> MdMember | None:
    """The member's superblock, wherever its version keeps it, or None."""
    size = volume.size_bytes
    places = (("1.1", 0), ("1.2", 4096), ("1.0", (size // 512 - 16) // 8 * 8 * 512))
    for version, place in places:
        block = volume.read(place, 256) if place >= 0 else b""
        if len(block) == 256 and struct.unpack_from("<II", block) == (_MAGIC, 1) and _u64(block, 144) * 512 == place:
            return _version_1(version, block, size)
    place = (size & ~0xFFFF) - 0x10000
    block = volume.read(place, 4096) if place >= 0 else b""
    for order in "<>":
        if len(block) == 4096 and struct.unpack_from(order + "II", block) == (_MAGIC, 0):
            return _version_0(order, block, place)
    return None


def _u64(block: bytes, offset: int) -> int:
    return int(struct.unpack_from("<Q", block, offset)[0])


def _version_1(version: str, block: bytes, size: int) -> MdMember:
    features = struct.unpack_from("<I", block, 8)[0]
    level = struct.unpack_from("<i", block, 72)[0]
    disks = struct.unpack_from("<I", block, 92)[0]
    start, length = _u64(block, 128) * 512, _u64(block, 136) * 512
    why = "" if level == 1 else "its data is spread over several disks"
    if features & _RESHAPE:
        why = "it is being reshaped"
    elif start + length > size or length == 0:
        why = "its superblock is damaged"
    name = block[32:64].split(b"\0")[0].decode("utf-8", "replace")
    return MdMember(version, level, disks, str(uuid.UUID(bytes=block[16:32])), name, start, length, why, _u64(block, 200))


def _version_0(order: str, block: bytes, place: int) -> MdMember:
    minor = struct.unpack_from(order + "I", block, 12)[0]
    level, size_kib, _, disks = struct.unpack_from(order + "iIII", block, 28)
    words = struct.unpack_from(order + "I", block, 20) + struct.unpack_from(order + "III", block, 52)
    why = "" if level == 1 else "its data is spread over several disks"
    if minor >= 91:
        why = "it is being reshaped"
    elif not 0 < size_kib * 1024 <= place:
        why = "its superblock is damaged"
    return MdMember(
        "0.9", level, disks, ":".join(f"{word:08x}" for word in words), "", 0, size_kib * 1024, why, _events_0(order, block)
    )


def _events_0(order: str, block: bytes) -> int:
    # Two words, the lower one first where numbers are stored so.
    first, second = struct.unpack_from(order + "II", block, 156)
    return int(second << 32 | first if order == "<" else first << 32 | second)
