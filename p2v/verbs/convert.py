"""`p2v convert DISK… --to DEST`: images of disks."""

import argparse
import threading

from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner
from xeninstall.base.sizes import parse_size

from ..convert import convert
from ..request import STDOUT, Request
from .progress import shown


def run(args: argparse.Namespace) -> int:
    """Convert; progress goes to standard error."""
    limit = parse_size(args.limit) if args.limit is not None else None
    if limit == 0:
        raise UsageError("--limit 0 would never end", hint="leave it out, or give a rate such as 50M")
    request = Request(
        disks=tuple(args.disks),
        to=args.to,
        format=args.format,
        everything=args.everything,
        allow_mounted=args.allow_mounted,
        compress=args.compress,
        checksum=args.checksum,
        name=args.name,
        limit=limit,
        resume=args.resume,
        overlay=args.overlay,
        drop=tuple(args.drop),
    )
    convert(request, SystemRunner(), shown(as_json=args.json, quiet_stdout=args.to == STDOUT), threading.Event())
    return 0
