"""`p2v preflight DISK…`: every verdict before anything moves."""

import argparse
import json
from dataclasses import replace

from xeninstall.base.errors import ExitCode
from xeninstall.base.run import Runner, SystemRunner

from ..preflight import Preflight, preflight
from ..repaired import Wishes
from ..request import Request, check_request, is_address
from .inventory import inventory
from .options import rate, wishes_of


def run(args: argparse.Namespace) -> int:
    """Print it; the exit code says whether anything stands against it."""
    runner = SystemRunner()
    request = Request(
        disks=tuple(args.disks), to=args.to, format=args.format or "raw", allow_mounted=args.allow_mounted, limit=rate(args)
    )
    wishes = wishes_of(args, inventory(args.machine, args.disks)) if not args.no_repair else None
    if is_address(args.to):
        found = _of_target(args, request, wishes, runner)
    else:  # what is written into files is compared by `p2v verify`, whenever one likes
        found = replace(preflight(request, wishes, runner), compare_seconds=None)
    print(json.dumps(found.as_json(), indent=2) if args.json else found.as_text(), end="\n" if args.json else "")
    return ExitCode.REQUIREMENTS if found.refused else ExitCode.DONE


def _of_target(args: argparse.Namespace, request: Request, wishes: Wishes | None, runner: Runner) -> Preflight:
    # Loaded when it is asked for, as in `convert`.
    from ..greeting import greeted
    from ..target.model import check_format
    from ..target.table import open_target
    from .sending import access_of

    target = open_target(args.to, access_of(args), runner)
    try:
        request = replace(request, format=args.format or target.formats[0])
        check_request(request)
        check_format(target, request.format)
        room, greeting, _ = greeted(target, args.to)
        found = preflight(request, wishes, runner, room)
    finally:
        target.close()
    return replace(found, findings=(*greeting, *found.findings))
