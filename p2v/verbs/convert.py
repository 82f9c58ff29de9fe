"""`p2v convert DISK… --to DEST`: images of disks."""

import argparse
import json
import threading
import uuid
from dataclasses import replace

from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner
from xeninstall.base.sizes import parse_size

from ..convert import convert
from ..define import definition, of_images, write_definitions
from ..guest.model import Card
from ..repaired import Wishes, convert_repaired, plan_only
from ..request import STDOUT, Request, goals
from .drivers import packages
from .inventory import bridges, cards, inventory
from .progress import shown


def run(args: argparse.Namespace) -> int:
    """Convert; progress goes to standard error."""
    runner = SystemRunner()
    if args.answers is not None:
        from .answered import by_answers  # brings the answers' model along

        return by_answers(args)
    if not args.disks:
        raise UsageError("no disk was named", hint="name one or more, or give --answers FILE; list them with: lsblk -d")
    if args.plan:
        return _plan(args)
    if args.to is None:
        raise UsageError("nobody said where the image goes", hint="add --to FILE, or --plan to see what would be repaired")
    limit = parse_size(args.limit) if args.limit is not None else None
    if limit == 0:
        raise UsageError("--limit 0 would never end", hint="leave it out, or give a rate such as 50M")
    if args.repair and args.overlay is not None:
        raise UsageError("--repair makes an overlay of its own", hint="leave --overlay out, or --repair")
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
    goals(request)
    described = args.repair or args.define or request.image_format.holds_many
    machine = inventory(args.machine, request.disks) if described else None
    chosen = bridges(args.bridge, machine)
    if args.define and machine is None:
        raise UsageError(
            "the machine that these disks come from is not known",
            hint="record it with: xeninstall probe --json, and give --machine",
        )
    if args.define and machine is not None:
        of_images(machine, request, chosen, "").check()
    if machine is not None and request.image_format.holds_many:
        request = replace(request, machine=definition(machine, request, chosen))
    emit, stop = shown(as_json=args.json, quiet_stdout=args.to == STDOUT), threading.Event()
    traits = None
    if args.repair:
        looked = convert_repaired(request, _wishes(args, cards(machine)), runner, emit, stop)
        traits = looked.reports[0].traits if looked is not None else None
    else:
        convert(request, runner, emit, stop)
    if args.define and machine is not None:
        for note in write_definitions(machine, request, chosen, str(uuid.uuid4()), traits):
            emit(note)
    return 0


def _plan(args: argparse.Namespace) -> int:
    wishes = _wishes(args, cards(inventory(args.machine, args.disks)))
    found = plan_only(args.disks, wishes, SystemRunner(), allow_mounted=args.allow_mounted)
    print(json.dumps(found.as_json(), indent=2) if args.json else found.as_text(), end="\n" if args.json else "")
    return 0


def _wishes(args: argparse.Namespace, found: tuple[Card, ...]) -> Wishes:
    return Wishes(found, packages(args.drivers), args.drop_hibernation)
