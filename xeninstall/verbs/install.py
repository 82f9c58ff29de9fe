"""`xeninstall install`: answers and machine become a plan, and the plan a host."""

import argparse
import logging
import os
import re
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from xeninstall.answers.load import load
from xeninstall.answers.model import Answers
from xeninstall.apply.guard import check_image_path, read_system_image, sole_run
from xeninstall.apply.journal import Journal
from xeninstall.apply.paths import is_disk, journal_of, log_of
from xeninstall.apply.resume import find_journal, release_leftovers
from xeninstall.base.errors import UsageError
from xeninstall.base.events import Emit, Event, Note
from xeninstall.base.run import Runner, SystemRunner
from xeninstall.base.sizes import parse_size
from xeninstall.packs.model import Pack
from xeninstall.packs.queue import with_queued
from xeninstall.plan.build import ImageFile, build
from xeninstall.plan.model import Plan
from xeninstall.plan.show import show
from xeninstall.plan.system_image import SystemImage

_SIZE_MAXIMUM_BYTES = 2**60
# Where the system image is on the boot medium, and where `make image` puts it.
_SYSTEM_PLACES = ("/run/live/medium/live/filesystem.squashfs", "build/system.squashfs")


def run(args: argparse.Namespace) -> int:
    """Plan, and unless only the plan was asked for, install."""
    if (args.machine or args.files) and not args.plan:
        raise UsageError("--machine and --files go with --plan", hint="add --plan, or leave them out")
    if not args.plan:
        must_be_root()
    answers = load(Path(args.answers), stdin=sys.stdin.buffer.read if sys.stdin else None)
    squashfs = find_system(args.system)
    image = read_system_image(squashfs)
    runner: Runner = SystemRunner()
    journal = None
    if args.resume:
        if args.target is None:
            raise UsageError("--resume needs --target", hint="name the disk or file of the interrupted installation")
        must_be_root()
        with sole_run(args.target):
            journal = find_journal(args.target, runner)
            release_leftovers(args.target, journal.seed, runner)
    with ExitStack() as stack:
        packs: tuple[Pack, ...] = ()
        if wanted := with_queued(answers.packs):
            from xeninstall.packs.gather import gathered  # brings archives and decompressors along

            answers = answers.model_copy(update={"packs": wanted})
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="xeninstall-packs-"))
            # On standard error: standard output is the plan's, or the events'.
            packs = stack.enter_context(gathered(wanted, runner, _narrate, image.kernel, Path(place)))
        plan = _plan(args, answers, image, journal, packs)
        if args.plan:
            print(plan.model_dump_json(indent=2) + "\n" if args.json else show(plan, files=args.files), end="")
            return 0
        return _install(plan, image, squashfs, journal or Journal.start(plan), answers, runner, packs, as_json=args.json)


def _narrate(event: Event) -> None:
    if isinstance(event, Note):
        print(event.text, file=sys.stderr, flush=True)


def _install(
    plan: Plan,
    image: SystemImage,
    squashfs: Path,
    journal: Journal,
    answers: Answers,
    runner: Runner,
    packs: tuple[Pack, ...],
    *,
    as_json: bool,
) -> int:
    # Only here: a plan is printed in a fraction of the time that it takes to load what carries it out.
    from xeninstall.apply.execute import Files, execute
    from xeninstall.apply.records import log_to
    from xeninstall.apply.webhook import Webhook

    from .progress import Lines, json_lines

    target = plan.disks[0].path
    files = Files(squashfs=squashfs, journal=journal_of(target), log=log_of(target), packs=packs)
    handler = log_to(files.log)
    out: Emit = json_lines if as_json else Lines(sys.stdout)
    try:
        if not as_json:
            _print_head(plan)
        with ExitStack() as stack:
            emit = out
            if answers.hooks.webhook:
                webhook = stack.enter_context(Webhook(answers.hooks.webhook, out))
                emit = _both(out, webhook.tell)
            execute(plan, image, files, runner, emit, journal)
        if not as_json:
            _print_tail(plan, files.log)
    finally:
        logging.getLogger("xeninstall").removeHandler(handler)
        handler.close()
    return 0


def _both(first: Emit, second: Emit) -> Emit:
    def emit(event: Event) -> None:
        first(event)
        second(event)

    return emit


def _plan(
    args: argparse.Namespace, answers: Answers, image: SystemImage, journal: Journal | None, packs: tuple[Pack, ...]
) -> Plan:
    seed = journal.seed if journal else (args.seed or secrets.token_hex(16))
    if re.fullmatch("[0-9a-f]{32}", seed) is None:
        raise UsageError("--seed is not 32 hexadecimal digits", hint="make one with: openssl rand -hex 16")
    if args.target is not None and not is_disk(args.target):
        file = image_file(args.target, args.size, resumed=journal is not None)
        return build(answers, image, seed, image_file=file, packs_read=packs)
    from .probe import machine

    return build(answers, image, seed, machine=machine(args.machine), disk_path=args.target, packs_read=packs)


def image_file(target: str, size: str, *, resumed: bool = False) -> ImageFile:
    """The image file that --target and --size mean; what is there belongs to this run when it is resumed. Raises UsageError."""
    path = os.path.realpath(target)
    check_image_path(Path(path))
    size_bytes = parse_size(size)
    if size_bytes > _SIZE_MAXIMUM_BYTES:
        raise UsageError(f"--size {size} is larger than any file", hint="write it like 16G")
    if size_bytes % 2**20:
        raise UsageError(f"--size {size} is not a whole number of mebibytes", hint="write it like 16G or 16384M")
    return ImageFile(path, size_bytes, exists=Path(path).exists() and not resumed)


def find_system(named: str | None) -> Path:
    """The squashfs that was named, or the one in the usual places. Raises UsageError when there is none."""
    if named is not None:
        return Path(named)
    for place in _SYSTEM_PLACES:
        if Path(place).is_file():
            return Path(place)
    raise UsageError(
        "no system image was named, and there is none in the usual places",
        hint=f"name it with --system (looked at {', '.join(_SYSTEM_PLACES)})",
    )


def must_be_root() -> None:
    """Raises UsageError for anybody else."""
    if os.geteuid() != 0:
        raise UsageError("installing needs root: it mounts file systems", hint="use sudo")


def _print_head(plan: Plan) -> None:
    print(plan.title)
    for loss in plan.destroys:
        print(f"  will be lost: {loss.disk} ({loss.identity}): {'; '.join(loss.lines)}")
    for warning in plan.warnings:
        print(f"  warning: {warning}")
    sys.stdout.flush()


def _print_tail(plan: Plan, log: Path) -> None:
    for name, value in plan.facts.items():
        print(f"  {name + ':':<12} {value}")
    print(f"  {'log:':<12} {log}")
    if plan.disks[0].image:
        print(f"  {'boot it:':<12} qemu-system-x86_64 -machine q35 -cpu max -smp 2 -m 4096 -display none -serial mon:stdio \\")
        print(f"  {'':<12} -drive file={plan.disks[0].path},format=raw,if=virtio -nic user,model=virtio-net-pci")
