"""`p2v inspect DISK…`: what is on it, and what would be copied of it."""

import argparse
import json
from contextlib import ExitStack

from xeninstall.base.run import SystemRunner
from xeninstall.base.sizes import format_size

from ..blockmap.model import DiskMap
from ..convert import map_sources
from ..source.device import open_source
from ..systems import System, systems


def run(args: argparse.Namespace) -> int:
    """Print every disk, as text or as JSON."""
    with ExitStack() as stack:
        readers = [stack.enter_context(open_source(path, allow_mounted=args.allow_mounted)) for path in args.disks]
        runner = SystemRunner()
        maps = map_sources(readers, runner)
        installed = systems(readers, runner)
    found = [
        (path, disk, [system for system in installed if system.disk == number])
        for number, (path, disk) in enumerate(zip(args.disks, maps, strict=True))
    ]
    if args.json:
        print(json.dumps({"disks": [_as_json(*each) for each in found]}, indent=2))
    else:
        print("\n".join(_as_text(*each) for each in found), end="")
    return 0


def _as_text(path: str, disk: DiskMap, installed: list[System]) -> str:
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
    lines += [f"  system on {system.volume}: {system.title}" for system in installed]
    lines += [f"  note: {remark}" for remark in disk.remarks]
    return "\n".join(lines) + "\n"


def _as_json(path: str, disk: DiskMap, installed: list[System]) -> dict[str, object]:
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
            }
            for system in installed
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
