"""Superblocks of software RAID, packed by hand: no kernel driver is needed, and mdadm is the referee of them."""

import struct

MAGIC = 0xA92B4EFC


def superblock_1(place_bytes: int, level: int, start: int, length: int) -> bytes:
    """Version 1.x at this place of the member, whose data is `length` bytes from `start` on (Linux, md_p.h)."""
    block = bytearray(256 + 4)
    struct.pack_into("<IIII16s32sQiI", block, 0, MAGIC, 1, 0, 0, bytes(range(16)), b"host:0", 1, level, 0)
    struct.pack_into("<QII", block, 80, length // 512, 0, 2)
    struct.pack_into("<QQQ", block, 128, start // 512, length // 512, place_bytes // 512)
    struct.pack_into("<I", block, 220, 2)
    struct.pack_into("<HH", block, 256, 0, 0xFFFF)
    total = sum(struct.unpack("<65I", bytes(block)))
    struct.pack_into("<I", block, 216, ((total & 0xFFFFFFFF) + (total >> 32)) & 0xFFFFFFFF)
    return bytes(block)


def superblock_0(level: int, length: int, order: str = "<") -> bytes:
    """Version 0.90, which lies in the last whole 64 KiB of the member but one; `order` is that of the machine's bytes."""
    return struct.pack(order + "12I", MAGIC, 0, 90, 0, 0, 1, 1, level, length // 1024, 2, 2, 0).ljust(4096, b"\0")


def mirror_half(number: int, start: int, length: int, events: int) -> bytes:
    """Metadata 1.2 of one half of a mirror: mdadm takes it, and so does the kernel of a guest."""
    block = bytearray(256 + 4)
    struct.pack_into("<IIII16s32sQiI", block, 0, MAGIC, 1, 0, 0, bytes(range(16)), b"host:0", 1, 1, 0)
    struct.pack_into("<QII", block, 80, length // 512, 0, 2)
    struct.pack_into("<QQQ", block, 128, start // 512, length // 512, 8)
    struct.pack_into("<I4x16s", block, 160, number, bytes([number] * 16))
    # Nothing has to be made equal again: both halves are.
    struct.pack_into("<QQ", block, 200, events, (1 << 64) - 1)
    struct.pack_into("<I", block, 220, 2)
    struct.pack_into("<HH", block, 256, 0, 1)
    total = sum(struct.unpack("<65I", bytes(block)))
    struct.pack_into("<I", block, 216, ((total & 0xFFFFFFFF) + (total >> 32)) & 0xFFFFFFFF)
    return bytes(block)
