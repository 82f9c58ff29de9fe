"""`p2v convert DISK… --to DEST`: images of disks."""

import argparse
import json
import threading
import uuid
from dataclasses import replace

from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner

from ..convert import convert
from ..define import check_definable, definition, of_images, write_definitions
from ..repaired import convert_repaired, plan_only
from ..request import STDOUT, goals, is_address
from ..vm.model import Mode
from .inventory import bridges, inventory
from .options import rate, request_of, wishes_of
from .progress import shown

_OF_TARGETS = ("start", "trial", "marker", "discard", "no_verify", "host_key", "identity", "password", "fingerprint", "ca")


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
    if is_address(args.to):
        # Loaded when it is asked for: starting is a good part of a fast conversion into a file.
        from .sending import send

        return send(args)
    _refuse_what_targets_do(args)
    limit = rate(args)
    if args.repair and args.overlay is not None:
        raise UsageError("--repair makes an overlay of its own", hint="leave --overlay out, or --repair")
    request = request_of(args, args.format or "qcow2", limit)
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
        check_definable(request)
    if machine is not None and request.image_format.holds_many:
        request = replace(request, machine=definition(machine, request, chosen))
    emit, stop = shown(as_json=args.json, quiet_stdout=args.to == STDOUT), threading.Event()
    traits = None
    if args.repair:
        traits = convert_repaired(request, wishes_of(args, machine), runner, emit, stop)
    else:
        convert(request, runner, emit, stop)
    if args.define and machine is not None:
        mode = Mode(args.mode) if args.mode else Mode.HVM
        for note in write_definitions(machine, request, chosen, str(uuid.uuid4()), traits, mode):
            emit(note)
    return 0


def _refuse_what_targets_do(args: argparse.Namespace) -> None:
    """Nobody is to believe that an image in a file was tried, started or checked."""
    for option in _OF_TARGETS:
        if getattr(args, option):
            raise UsageError(
                f"--{option.replace('_', '-')} is for a target, and {args.to} is a file or folder here",
                hint="leave it out, or give an address such as ssh://root@HOST; an image is read again by: p2v verify",
            )
    if args.mode and not args.define:
        raise UsageError("--mode says how Xen runs the machine, which is not defined here", hint="add --define, or leave it out")


def _plan(args: argparse.Namespace) -> int:
    wishes = wishes_of(args, inventory(args.machine, args.disks))
    found = plan_only(args.disks, wishes, SystemRunner(), allow_mounted=args.allow_mounted)
    print(json.dumps(found.as_json(), indent=2) if args.json else found.as_text(), end="\n" if args.json else "")
    return 0
