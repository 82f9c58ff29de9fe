"""Block devices as `lsblk` tells them: a tree from disks down to partitions, arrays, volumes, each a frozen value."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .look import Look, clean, whole
from .model import MachineError


@dataclass(frozen=True)
class Block:
    """One block device. `number` is major:minor; below it lies what was built on it."""

    path: str
    kname: str = ""
    type: str = ""  # disk, part, lvm, crypt, raid1, mpath, loop, rom, …
    number: str = ""
    size_bytes: int = 0
    sector_bytes: int = 512
    model: str = ""
    serial: str = ""
    wwn: str = ""
    transport: str = ""
    subsystems: str = ""
    table: str = ""
    fstype: str = ""
    label: str = ""
    uuid: str = ""
    part_label: str = ""
    part_type: str = ""
    part_type_name: str = ""
    mountpoints: tuple[str, ...] = ()
    read_only: bool = False
    removable: bool = False
    rotational: bool = False
    children: tuple["Block", ...] = ()

    def tree(self) -> Iterator["Block"]:
        """This device, then everything on it."""
        yield self
        for child in self.children:
            yield from child.tree()


def blocks(look: Look) -> tuple[Block, ...]:
    """The machine's block devices; nothing, and a note, where lsblk is missing or talks nonsense."""
    done = look.ask(["lsblk", "-J", "-O", "-b"], about="disks", seconds=30)
    if done is None:
        return ()
    try:
        found = parse(done.stdout)
    except MachineError as error:
        look.note(f"disks not seen: {error.message}")
        return ()
    return tuple(_identified(look, block) for block in found)


def parse(text: str) -> tuple[Block, ...]:
    """Read `lsblk -J -O -b`; raises MachineError when it is not that."""
    try:
        document = json.loads(text)
        entries = document["blockdevices"]
        if not isinstance(entries, list):
            raise TypeError
        return tuple(_block(entry) for entry in entries if isinstance(entry, dict))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MachineError(f"lsblk did not write a list of block devices but {clean(text, 60)!r}") from None


def _block(entry: dict[str, object]) -> Block:
    def text(name: str) -> str:
        return clean(entry.get(name))

    places = entry.get("mountpoints")
    mountpoints = [place for place in places if isinstance(place, str) and place] if isinstance(places, list) else []
    if not mountpoints and isinstance(place := entry.get("mountpoint"), str) and place:
        mountpoints = [place]  # util-linux before 2.37
    children = entry.get("children")
    kname = text("kname") or text("name")
    return Block(
        path=text("path") or f"/dev/{kname}",
        kname=kname if kname not in (".", "..") and "/" not in kname else "",
        type=text("type"),
        number=text("maj:min"),
        size_bytes=max(whole(entry.get("size")) or 0, 0),
        sector_bytes=max(whole(entry.get("log-sec")) or 512, 1),
        model=text("model") or (text("vendor") if not text("vendor").startswith("0x") else ""),
        serial=text("serial"),
        wwn=text("wwn"),
        transport=text("tran"),
        subsystems=text("subsystems"),
        table=text("pttype"),
        fstype=text("fstype"),
        label=text("label"),
        uuid=text("uuid"),
        part_label=text("partlabel"),
        part_type=text("parttype").lower(),
        part_type_name=text("parttypename"),
        mountpoints=tuple(mountpoints),
        read_only=_truth(entry.get("ro")),
        removable=_truth(entry.get("rm")),
        rotational=_truth(entry.get("rota")),
        children=tuple(_block(child) for child in children if isinstance(child, dict)) if isinstance(children, list) else (),
    )


def _truth(value: object) -> bool:
    return value is True or value == 1 or value == "1"


def _identified(look: Look, block: Block) -> Block:
    """With serial number and WWN from sysfs, where lsblk had no udev to ask."""
    if block.type != "disk" or not block.kname or (block.serial and block.wwn):
        return block
    base = f"/sys/block/{block.kname}"
    serial = block.serial or look.line(f"{base}/serial") or look.line(f"{base}/device/serial") or _unit_serial(look, base)
    wwn = block.wwn
    if not wwn:
        name = look.line(f"{base}/wwid") or look.line(f"{base}/device/wwid")
        wwn = f"0x{name[4:]}" if name.startswith("naa.") else name if name.startswith(("eui.", "nvme.")) else ""
    return replace(block, serial=serial, wwn=wwn)


def _unit_serial(look: Look, base: str) -> str:
    """SCSI's vital product data page 80h: four bytes of header, then the serial number (SPC-4, 7.8.18)."""
    data = look.data(f"{base}/device/vpd_pg80")
    if not data or len(data) < 5 or data[1] != 0x80:
        return ""
    return clean(data[4 : 4 + int.from_bytes(data[2:4], "big")].decode("ascii", "replace"))
