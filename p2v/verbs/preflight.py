"""`p2v preflight DISK…`: every verdict before anything moves."""

import argparse
import json

from xeninstall.base.errors import ExitCode, UsageError
from xeninstall.base.run import SystemRunner
from xeninstall.base.sizes import parse_size

from ..preflight import preflight
from ..request import Request, is_address
from .inventory import inventory
from .options import wishes_of


def run(args: argparse.Namespace) -> int:
    """Print it; the exit code says whether anything stands against it."""
    if is_address(args.to):
        hint = "leave --to out here; convert itself checks login, names and room there before it sends anything"
        raise UsageError("preflight looks at files and folders, not at targets", hint=hint)
    request = Request(
        disks=tuple(args.disks),
        to=args.to,
        format=args.format,
        allow_mounted=args.allow_mounted,
        limit=parse_size(args.limit) if args.limit is not None else None,
    )
    wishes = wishes_of(args, inventory(args.machine, args.disks))
    found = preflight(request, wishes, SystemRunner())
    print(json.dumps(found.as_json(), indent=2) if args.json else found.as_text(), end="\n" if args.json else "")
    return ExitCode.REQUIREMENTS if found.refused else ExitCode.DONE
