"""`p2v inspect DISK…`: what is on it, and what would be copied of it."""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner, SystemRunner
from xeninstall.base.sizes import format_size

from ..blockmap.model import DiskMap
from ..convert import map_sources
from ..guest.tree import printable
from ..inspection import Inspected, Inspection, inspected
from ..source.device import open_source
from ..systems import System, systems
from .options import passphrases

_Told = tuple[System, Inspected | None]


def run(args: argparse.Namespace) -> int:
    """Print every disk, as text or as JSON."""
    with ExitStack() as stack:
        readers = [stack.enter_context(open_source(path, allow_mounted=args.allow_mounted)) for path in args.disks]
        runner = SystemRunner()
        maps = map_sources(readers, runner)
        installed = systems(readers, runner)
    within = _within(args, runner)
    found = [
        (path, disk, _joined(number, installed, within.systems))
        for number, (path, disk) in enumerate(zip(args.disks, maps, strict=True))
    ]
    if args.json:
        print(json.dumps({"disks": [_as_json(*each) for each in found], "remarks": list(within.remarks)}, indent=2))
    else:
        print(
            "\n".join([*(_as_text(*each) for each in found), "".join(f"note: {printable(one)}\n" for one in within.remarks)]),
            end="",
        )
    return 0


def _within(args: argparse.Namespace, runner: Runner) -> Inspection:
    """What the systems are made of, and why it is not known where it is not."""
    secrets = passphrases(args)
    try:
        return inspected(args.disks, secrets, runner, allow_mounted=args.allow_mounted)
    except Error as error:
        if secrets:
            raise  # it was asked for
        return Inspection(remarks=(f"the systems were not looked into: {error.message}",))


def _joined(disk: int, installed: list[System], within: Sequence[Inspected]) -> list[_Told]:
    """Each system of a disk with what it is made of; one in an encrypted volume is known by that alone."""
    known = {one.volume: one for one in within if one.disk == disk}
    found = [(system, known.pop(system.volume, None)) for system in installed if system.disk == disk]
    return found + [(System(disk, one.volume, one.family, one.name, one.version), one) for one in known.values()]


def _as_text(path: str, disk: DiskMap, installed: list[_Told]) -> str:
    used, size = disk.block_map.used_bytes, disk.block_map.size_bytes
    table = {"gpt": "GPT", "mbr": "MBR", "none": "no partition table", "damaged": "damaged partition table"}[disk.table]
    lines = [f"{path}: {format_size(size)}, {table}; {format_size(used)} to copy"]
    for volume in disk.volumes:
        title = " ".join(
            part for part in (volume.content.title, f'"{volume.content.label}"' if volume.content.label else "") if part
        )
        name = f"{'  ' * (volume.depth + 1)}{volume.name}"
        lines.append(f"{name:<24} {format_size(volume.size_bytes):>10}  {format_size(volume.copied_bytes):>10} to copy  {title}")
        if volume.whole_because:
            lines.append(f"{'  ' * (volume.depth + 2)}copied whole: {volume.whole_because}")
    for system, within in installed:
        lines.append(f"  system on {system.volume}: {system.title}")
        lines += [f"    {line}" for line in (within.lines if within is not None else ())]
    lines += [f"  note: {remark}" for remark in disk.remarks]
    return "\n".join(lines) + "\n"


def _as_json(path: str, disk: DiskMap, installed: list[_Told]) -> dict[str, object]:
    return {
        "path": path,
        "size_bytes": disk.block_map.size_bytes,
        "copied_bytes": disk.block_map.used_bytes,
        "table": disk.table,
        "remarks": list(disk.remarks),
        "systems": [
            {
                "volume": system.volume,
                "family": system.family,
                "name": system.name,
                "version": system.version,
                "host": system.host,
                "facts": within.facts if within is not None else None,
            }
            for system, within in installed
        ],
        "volumes": [
            {
                "name": volume.name,
                "depth": volume.depth,
                "kind": volume.content.kind,
                "title": volume.content.title,
                "label": volume.content.label,
                "uuid": volume.content.uuid,
                "size_bytes": volume.size_bytes,
                "copied_bytes": volume.copied_bytes,
                "whole_because": volume.whole_because,
            }
            for volume in disk.volumes
        ],
    }
