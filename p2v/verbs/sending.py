"""`p2v convert DISK… --to TARGET`: the machine goes to another host."""

import argparse
import hashlib
import threading
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Runner, SystemRunner
from xeninstall.machine.model import Machine

from ..convert import open_disks
from ..deliver import Order, deliver
from ..guest.traits import with_traits
from ..request import Request, check_request
from ..target.coding import Wire
from ..target.model import Target
from ..target.password import read_password
from ..target.ssh import Ways
from ..target.table import Access, open_target
from ..vm.from_machine import from_machine
from ..vm.model import Mode, VirtualMachine
from .inventory import bridges, inventory
from .options import rate, request_of, wishes_of
from .progress import shown


def send(args: argparse.Namespace) -> int:
    """Everything that can be wrong with the request is said before anybody is asked for anything."""
    runner = SystemRunner()
    if args.define:
        raise UsageError("--define writes files beside an image", hint="leave it out: the target defines the machine itself")
    if args.resume and args.discard:
        raise UsageError("--resume and --discard contradict each other", hint="leave one of them out")
    if args.marker and not args.trial:
        raise UsageError("--marker says when a trial start is over", hint="add --trial, or leave it out")
    if args.repair and args.overlay is not None:
        raise UsageError("--repair makes an overlay of its own", hint="leave --overlay out, or --repair")
    access = replace(access_of(args), ways=Ways(args.streams, Wire(args.wire)))
    target = open_target(args.to, access, runner)
    with ExitStack() as stack:
        stack.callback(target.close)
        request = request_of(args, args.format or target.formats[0], rate(args))
        check_request(request)
        machine = inventory(args.machine, request.disks)
        vm = _machine(machine, args)
        vm.check()
        emit = shown(as_json=args.json, quiet_stdout=False)
        if machine is None:
            text = "nobody said which machine the disks come from: it gets 2 vCPUs, 2 GiB and no network card (see --machine)"
            emit(Note(text, warning=True))
        mode = Mode(args.mode) if args.mode else None
        order = Order(vm, mode=mode, start=args.start, verify=not args.no_verify, discard=args.discard)
        order = replace(order, trial=args.trial, marker=args.marker)
        if args.repair:
            _send_repaired(args, request, order, target, machine, runner, emit)
        else:
            readers = open_disks(request, runner, stack)
            deliver(request, order, target, readers, runner, emit, threading.Event(), threading.Event())
    return 0


def access_of(args: argparse.Namespace) -> Access:
    """How the target is reached, as the options for logging in say. Raises UsageError."""
    password = read_password(args.password, f"password for {args.to}") if args.password else None
    return Access(args.host_key, args.identity, password, tuple(args.fingerprint), args.ca, args.format or "qcow2")


def _machine(machine: Machine | None, args: argparse.Namespace) -> VirtualMachine:
    chosen, own = bridges(args.bridge, machine), str(uuid.uuid4())
    if machine is None:
        return VirtualMachine(args.name, uuid=own, origin="converted by p2v from disks of an unknown machine")
    return from_machine(machine, args.name, (), bridges=chosen, uuid=own)


def _send_repaired(
    args: argparse.Namespace,
    request: Request,
    order: Order,
    target: Target,
    machine: Machine | None,
    runner: Runner,
    emit: Emit,
) -> None:
    # Loaded when it is asked for, as in `convert`.
    from ..repaired import are_kept, repaired

    folder = Path(args.scratch)
    files = _changes(folder, request)
    if request.resume and not are_kept(files):
        raise UsageError(
            f"the repairs of the stopped run are not in {folder} any more", hint="start again with --discard instead of --resume"
        )
    begun = threading.Event()
    if request.resume:
        begun.set()
    with repaired(request, files, wishes_of(args, machine), runner, emit, again=not request.resume, keep=begun.is_set) as ready:
        vm = with_traits(order.machine, ready.traits)
        deliver(request, replace(order, machine=vm), target, ready.readers, runner, emit, threading.Event(), begun)


def _changes(folder: Path, request: Request) -> list[Path]:
    """Where the repairs of each disk are kept: found again by the name of the machine and the target."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}", hint="name another by --scratch") from None
    own = hashlib.sha256(f"{request.to}\0{request.name}".encode()).hexdigest()[:16]
    return [folder / f"{own}.{number}.overlay" for number in range(len(request.disks))]
