"""`xeninstall install`: answers and machine become a plan, and the plan a host."""

import argparse
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xeninstall.answers.load import load, webhook_of
from xeninstall.answers.model import Answers
from xeninstall.apply.guard import check_image_path, read_system_image, sole_run
from xeninstall.apply.journal import Journal
from xeninstall.apply.paths import is_disk
from xeninstall.apply.resume import find_journal, release_leftovers
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.events import Emit, Event, Note
from xeninstall.base.run import Runner, SystemRunner
from xeninstall.base.sizes import parse_size
from xeninstall.packs.model import Pack
from xeninstall.packs.queue import with_queued
from xeninstall.plan.build import ImageFile, build
from xeninstall.plan.model import Plan
from xeninstall.plan.show import head, show
from xeninstall.plan.system_image import SystemImage

if TYPE_CHECKING:
    from xeninstall.apply.perform import Listener

_SIZE_MAXIMUM_BYTES = 2**60
# Where the system image is on the boot medium, and where `make image` puts it.
_SYSTEM_PLACES = ("/run/live/medium/live/system.squashfs", "build/system.squashfs")


def run(args: argparse.Namespace) -> int:
    """Plan, and unless only the plan was asked for, install."""
    if (args.machine or args.files) and not args.plan:
        raise UsageError("--machine and --files go with --plan", hint="add --plan, or leave them out")
    if not args.plan:
        must_be_root()
    path, stdin = Path(args.answers), sys.stdin.buffer.read if sys.stdin else None
    with ExitStack() as stack:
        return _run(args, path, stdin, stack)


def _run(args: argparse.Namespace, path: Path, stdin: Callable[[], bytes] | None, stack: ExitStack) -> int:
    """The packs that were read stay in `stack` until the end."""
    if args.plan:
        plan = _prepared(args, load(path, stdin=stdin), SystemRunner(), stack).plan
        print(plan.model_dump_json(indent=2) + "\n" if args.json else show(plan, files=args.files), end="")
        return 0
    from xeninstall.apply.perform import Listener

    with _told("answers", lambda: webhook_of(path), as_json=args.json):
        answers = load(path, stdin=stdin)
    listener = Listener(answers.hooks.webhook or "")
    runner: Runner = SystemRunner()
    with _told("plan", lambda: listener.url, as_json=args.json):
        made = _prepared(args, answers, runner, stack)
    return _install(made, listener, runner, as_json=args.json)


@dataclass(frozen=True)
class Prepared:
    """Everything that an installation is carried out from."""

    plan: Plan
    image: SystemImage
    squashfs: Path
    journal: Journal | None
    packs: tuple[Pack, ...]


def _prepared(args: argparse.Namespace, answers: Answers, runner: Runner, stack: ExitStack) -> Prepared:
    squashfs = find_system(args.system)
    image = read_system_image(squashfs)
    journal = None
    if args.resume:
        if args.target is None:
            raise UsageError("--resume needs --target", hint="name the disk or file of the interrupted installation")
        must_be_root()
        with sole_run(args.target):
            journal = find_journal(args.target, runner)
            release_leftovers(args.target, journal.seed, runner)
    packs: tuple[Pack, ...] = ()
    if wanted := with_queued(answers.packs):
        from xeninstall.packs.gather import gathered  # brings archives and decompressors along

        answers = answers.model_copy(update={"packs": wanted})
        # On standard error: standard output is the plan's, or the events'.
        packs = stack.enter_context(gathered(wanted, runner, _narrate, image.kernel))
    return Prepared(_plan(args, answers, image, journal, packs), image, squashfs, journal, packs)


def _narrate(event: Event) -> None:
    if isinstance(event, Note):
        print(event.text, file=sys.stderr, flush=True)


def _install(made: Prepared, listener: "Listener", runner: Runner, *, as_json: bool) -> int:
    # Only here: a plan is printed in a fraction of the time that it takes to load what carries it out.
    from xeninstall.apply.perform import perform

    from .progress import Lines, json_lines

    plan, image = made.plan, made.image
    journal = made.journal or Journal.start(plan)
    if not as_json:
        print(head(plan), flush=True)
    emit: Emit = json_lines if as_json else Lines(sys.stdout)
    log = perform(plan, image, made.squashfs, journal, runner, emit, listener, made.packs)
    if not as_json:
        _print_tail(plan, log)
    return 0


@contextmanager
def _told(stage: str, url: Callable[[], str], *, as_json: bool) -> Iterator[None]:
    """A failure before there is a plan reaches the answers' webhook as one of the run itself does."""
    try:
        yield
    except Error as error:
        from xeninstall.apply.perform import Listener, tell_failure

        from .progress import Lines, json_lines

        tell_failure(stage, error, Listener(url()), json_lines if as_json else Lines(sys.stderr))
        raise


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


def _print_tail(plan: Plan, log: Path) -> None:
    for name, value in plan.facts.items():
        print(f"  {name + ':':<12} {value}")
    print(f"  {'log:':<12} {log}")
    if plan.disks[0].image:
        print(f"  {'boot it:':<12} qemu-system-x86_64 -machine q35 -cpu max -smp 2 -m 4096 -display none -serial mon:stdio \\")
        print(f"  {'':<12} -drive file={plan.disks[0].path},format=raw,if=virtio -nic user,model=virtio-net-pci")
