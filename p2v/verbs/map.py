"""`p2v map DISK`: the block map itself, for ddrescue and for programs."""

import argparse
import json

from xeninstall.base.run import SystemRunner

from ..convert import map_sources
from ..losses import ddrescue_map
from ..request import PAGE_FILES
from ..source.device import open_source


def run(args: argparse.Namespace) -> int:
    """Print it. In ddrescue's map `+` is in use and `?` is not, as in a domain map."""
    with open_source(args.disk, allow_mounted=args.allow_mounted) as reader:
        drop = PAGE_FILES in args.drop and not args.everything
        (disk_map,) = map_sources([reader], SystemRunner(), everything=args.everything, drop_page_files=drop)
    found = disk_map.block_map
    if args.json:
        used = [{"start": extent.start, "length": extent.length} for extent in found.used]
        print(json.dumps({"size_bytes": found.size_bytes, "used_bytes": found.used_bytes, "used": used}, indent=2))
    else:
        print(ddrescue_map(found.used, found.size_bytes, "+", "?"), end="")
    return 0
