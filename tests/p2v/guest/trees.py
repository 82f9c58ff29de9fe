"""Guests as text: one file holds a whole tree. `=== /path` begins a file, `=== /path -> target` is a link.

`%elf` stands for an x86-64 program, `%linux VERSION` for the head of a kernel.
"""

import difflib
import struct
from pathlib import Path

from p2v.guest.model import BootPlace, Card, Hardware, Named

GUESTS = Path(__file__).parent.parent.parent / "data" / "guests"
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, 62)


def lay_out(name: str, root: Path) -> Path:
    """Make the tree of tests/data/guests/NAME.tree below `root`."""
    write_tree((GUESTS / f"{name}.tree").read_text(), root)
    return root


def write_tree(described: str, root: Path) -> None:
    """Make a tree of its description."""
    for block in described.split("=== /")[1:]:
        head, _, content = block.partition("\n")
        path, _, target = head.partition(" -> ")
        place = root / path.strip()
        place.parent.mkdir(parents=True, exist_ok=True)
        if target:
            place.symlink_to(target.strip())
        elif path.endswith("/"):
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(_content(content))


def _content(written: str) -> bytes:
    word, _, version = written.strip().partition(" ")
    if word == "%linux":
        return (
            bytes(0x202)
            + b"HdrS"
            + bytes(8)
            + struct.pack("<H", 0x200)
            + bytes(0x400 - 0x210)
            + version.encode()
            + b" (build@host) #1\0"
        )
    return ELF if word == "%elf" else written.removesuffix("\n").encode()


def snapshot(root: Path) -> dict[str, str]:
    """Every file and link below a root, as text, but for what p2v keeps."""
    found = {}
    for place in sorted(root.rglob("*")):
        path = f"/{place.relative_to(root)}"
        if path.startswith("/var/lib/p2v"):
            continue
        if place.is_symlink():
            found[path] = f"-> {place.readlink()}"
        elif place.is_file():
            found[path] = place.read_bytes().decode("utf-8", "backslashreplace")
    return found


def changes_between(before: dict[str, str], after: dict[str, str]) -> str:
    """What differs, as a diff of three lines of context."""
    lines: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            names = (path if old is not None else "none", path if new is not None else "none")
            lines += difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), *names, lineterm="", n=1)
            if not (old or new):
                lines.append(f"+++ {path}, empty")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def one_disk(*volumes: Named, cards: tuple[Card, ...] = ()) -> Hardware:
    """A machine with one disk."""
    return Hardware(volumes, cards, 1)


EXT_UUID = "0d1f7a52-7f3c-4f0e-9a55-0a3f0f4d1e11"
SWAP_UUID = "5e8a3c11-2b6d-4c58-8d6f-2f8f4f1c9b22"
BOOT_UUID = "7c2d9e90-1a54-4b7b-8a36-93d1a6f0cc33"
HOME_UUID = "9b4c6f00-3c1e-4d9a-b7e2-11aa22bb3344"
ESP_UUID = "4A1B-2C3D"
MAC0, MAC1 = "52:54:00:aa:00:01", "52:54:00:aa:00:02"

HARDWARE = {
    "debian12-bios": one_disk(
        Named(0, "ext", 1, EXT_UUID, partuuid="1234abcd-01"),
        Named(0, "swap", 5, SWAP_UUID, partuuid="1234abcd-05"),
        Named(0, "ext", 6, HOME_UUID),
        cards=(Card(MAC0, "eno1", "0000:02:00.0"),),
    ),
    "debian7-sysv": one_disk(Named(0, "ext", 1, EXT_UUID), Named(0, "swap", 5, SWAP_UUID), cards=(Card(MAC0, "eno1"),)),
    "ubuntu2204-uefi": one_disk(
        Named(0, "fat", 1, ESP_UUID),
        Named(0, "ext", 2, EXT_UUID),
        Named(0, "luks", 3, HOME_UUID),
        Named(0, "unknown", 4, partuuid="77aa"),
        cards=(Card(MAC0, "enp3s0f0", "0000:03:00.0"), Card(MAC1, "enp3s0f1", "0000:03:00.1")),
    ),
    "rhel9-uefi": one_disk(
        Named(0, "fat", 1, ESP_UUID), Named(0, "xfs", 2, BOOT_UUID), Named(0, "lvm", 3), cards=(Card(MAC0, "eno8303"),)
    ),
    "centos6": Hardware(
        (Named(0, "ext", 1, BOOT_UUID), Named(0, "lvm", 2), Named(1, "ext", 1, HOME_UUID)),
        (Card(MAC0, "enp2s0", "0000:02:00.0"), Card(MAC1, "enp2s1", "0000:02:01.0")),
        2,
    ),
    "rhel5": one_disk(Named(0, "ext", 1, BOOT_UUID), Named(0, "ext", 2, EXT_UUID), Named(0, "swap", 3, SWAP_UUID)),
    "sles15": one_disk(
        Named(0, "fat", 1, ESP_UUID), Named(0, "btrfs", 2, EXT_UUID), Named(0, "swap", 3, SWAP_UUID),
        cards=(Card(MAC0, "em1", "0000:01:00.0"), Card(MAC1, "em2", "0000:01:00.1")),
    ),
    "sles11": one_disk(Named(0, "swap", 1, SWAP_UUID), Named(0, "ext", 2, EXT_UUID), cards=(Card(MAC0, "enp2s0"),)),
    "arch": one_disk(Named(0, "fat", 1, ESP_UUID), Named(0, "ext", 2, EXT_UUID), cards=(Card(MAC0, "enp0s25", "0000:00:19.0"),)),
    # The root is within LUKS, by LVM there.
    "rhel8-luks": one_disk(
        Named(0, "fat", 1, ESP_UUID), Named(0, "xfs", 2, BOOT_UUID), Named(0, "luks", 3, HOME_UUID),
        Named(0, "lvm", 0, within=HOME_UUID), Named(0, "xfs", 0, EXT_UUID, group="rhel", logical="root", within=HOME_UUID),
        cards=(Card(MAC0, "lan0", "0000:02:00.0"),),
    ),
    # snapper's: the default subvolume is /@/.snapshots/1/snapshot.
    "tumbleweed-snapper": one_disk(
        Named(0, "fat", 1, ESP_UUID), Named(0, "btrfs", 2, EXT_UUID), Named(0, "swap", 3, SWAP_UUID),
        cards=(Card(MAC0, "enp5s0", "0000:05:00.0"),),
    ),
    # A mirror of which the second disk stays behind.
    "debian13-md": Hardware(
        (Named(0, "md", 1), Named(0, "ext", 0, EXT_UUID), Named(0, "luks", 2, HOME_UUID),
         Named(0, "unknown", 3, partuuid="1234abcd-03")),
        (Card(MAC0, "eno1", "0000:02:00.0"), Card(MAC1, "eno2", "0000:02:00.1")),
        1,
        ("old:0",),
    ),
}  # fmt: skip
# Where /boot lies, for those that GRUB for Xen does not find at the first place where it looks.
BOOT = {
    "rhel8-luks": BootPlace(Named(0, "xfs", 2, BOOT_UUID), ""),
    "tumbleweed-snapper": BootPlace(Named(0, "btrfs", 2, EXT_UUID), "/@/.snapshots/1/snapshot/boot"),
    "debian13-md": BootPlace(Named(0, "ext", 0, EXT_UUID), "/boot"),
}
