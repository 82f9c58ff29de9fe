"""`python -m iso.build --output build`: the stages of the host image in order, and the only place here that prints or exits.

What comes out is system.squashfs (what the installer unpacks), system.json (what it may believe about it) and system.inputs
(what both were made from: with the same inputs nothing is done). With --iso, --netboot or --answers the boot medium is made
from it (iso/medium/make.py has its stages).
"""

import argparse
import fcntl
import logging
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from xeninstall.base.errors import Error, ExitCode, RequirementError, UsageError
from xeninstall.base.run import MissingTool, SystemRunner, find_tool
from xeninstall.base.sizes import format_duration, format_size

from . import configure, contained, inputs, normalise, pack, pool, product, root
from .builder import Build, BuildError
from .lists import read_packages
from .medium import netboot, remaster
from .medium.make import ISO, NETBOOT, make_iso, make_netboot

Stage = tuple[str, Callable[[Build], None]]
# Debian's part, kept between builds: its result lies in Build.base.
BASE_STAGES: tuple[Stage, ...] = (
    ("Debian and Xen", root.bootstrap),
    ("package sets", pool.fill),
    ("configuration", configure.configure),
)
# The image, from a copy of that in Build.root. A stage that makes more of it (the ISO) is one more line.
STAGES: tuple[Stage, ...] = (
    ("xeninstall itself", product.install),
    ("same bytes every time", normalise.normalise),
    ("packing", pack.pack),
    ("measuring", pack.describe),
)
_NEEDED_BYTES = 4 * 2**30


def make_image(build: Build, *, force: bool) -> bool:
    """Build what is not current; returns False when there was nothing to do. Raises Error, and leaves what was there before."""
    wanted = inputs.image_digest(build.source)
    if not force and inputs.is_current(build.output, wanted):
        return False
    _check_machine(build.output)
    with alone(build.output):
        _clear(build)
        try:
            kept = inputs.base_tree(build.output, build.source)
            if force or not kept.is_dir():
                _run(build, BASE_STAGES)
                _keep(build, kept)
            else:
                build.say("Debian and Xen: taken from an earlier build (--force fetches newer packages)")
            build.runner.run(["cp", "-a", "--reflink=auto", str(kept), str(build.root)])
            _run(build, STAGES)
            _publish(build, wanted)
        except OSError as error:
            raise BuildError(f"{error.filename or build.output}: {error.strerror}", hint="mend that and run it again") from error
        finally:
            shutil.rmtree(build.work, ignore_errors=True)
    return True


def _run(build: Build, stages: tuple[Stage, ...]) -> None:
    for title, stage in stages:
        started = time.monotonic()
        build.say(f"{title} …")
        stage(build)
        build.say(f"{title}: {format_duration(time.monotonic() - started)}")


def _check_machine(output: Path) -> None:
    if platform.machine() != "x86_64":
        raise RequirementError(f"this machine is {platform.machine()}, the image is x86-64", hint="build it on an x86-64 machine")
    for tool in contained.TOOLS:
        if find_tool(tool) is None:
            raise MissingTool(tool)
    if os.geteuid() != 0:
        raise RequirementError("building the image needs root: it installs Debian into a directory", hint="run it with sudo")
    output.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(output).free
    if free_bytes < _NEEDED_BYTES:
        raise RequirementError(
            f"{output} has {format_size(free_bytes)} free, building the image needs {format_size(_NEEDED_BYTES)}",
            hint="free some space there, or name another directory with --output",
        )


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Two builds into one directory would mix their trees."""
    with (output / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildError(f"another build works in {output}", hint="wait for it to end") from None
        yield


def _clear(build: Build) -> None:
    """What a killed build left goes. Its mounts went with its namespaces; what is still mounted is not ours to delete."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    if any(line.split()[1].startswith(f"{build.work.resolve()}/") for line in mounts):
        raise BuildError(f"something is mounted below {build.work}", hint="unmount it (findmnt lists it), then run it again")
    shutil.rmtree(build.work, ignore_errors=True)
    build.work.mkdir(mode=0o700, parents=True)


def _keep(build: Build, kept: Path) -> None:
    """Debian's part becomes the one kept tree; those of older lists go."""
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    kept.parent.chmod(0o700)
    for old in kept.parent.glob("base-*"):
        shutil.rmtree(old)
    build.base.rename(kept)


def _publish(build: Build, wanted: str) -> None:
    """Whole files replace the old ones. The record of inputs goes first and comes last: in between nothing is current."""
    (build.output / inputs.INPUTS).unlink(missing_ok=True)
    inputs.record(build.out / inputs.INPUTS, wanted)
    for name in (inputs.IMAGE, inputs.DESCRIPTION, inputs.INPUTS):
        path = build.out / name
        path.chmod(0o644)
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        path.rename(build.output / name)


def main(argv: list[str] | None = None) -> int:
    """Build, and say in words and by exit code how it went."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if args.verbose else logging.WARNING, format="%(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        source = Path(__file__).resolve().parent.parent
        packages = read_packages(source / "iso/packages.txt")
        build = Build(SystemRunner(), source, args.output.resolve(), packages, lambda line: print(line, flush=True))
        _make(build, args)
    except Error as error:
        print(f"iso.build: {error.message}", *([f"  -> {error.hint}"] if error.hint else []), sep="\n", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("iso.build: stopped; run it again to build the image", file=sys.stderr)
        return ExitCode.STOPPED
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m iso.build",
        description="Build the host's system image, or the boot medium from it.",
        allow_abbrev=False,
    )
    parser.add_argument("--output", metavar="DIR", type=Path, default=Path("build"), help="where the image lands (default build)")
    parser.add_argument("--iso", action="store_true", help="build the boot medium, DIR/xeninstall.iso")
    parser.add_argument("--netboot", action="store_true", help="build DIR/netboot, for a web server")
    parser.add_argument(
        "--answers",
        metavar="FILE",
        type=Path,
        help="build these answers into it: it installs by itself, and is named -unattended",
    )
    parser.add_argument(
        "--from",
        metavar="ISO",
        type=Path,
        dest="finished",
        help="with --answers: into a copy of this finished medium; needs no root",
    )
    parser.add_argument("--force", action="store_true", help="build even if no input changed, with today's packages")
    parser.add_argument("--verbose", action="store_true", help="show each command that is run")
    return parser


def _make(build: Build, args: argparse.Namespace) -> None:
    started = time.monotonic()
    if args.finished is not None and (args.answers is None or args.netboot):
        raise UsageError("--from goes with --answers, and makes an ISO", hint="name the answer file with --answers")
    answers = remaster.checked_answers(args.answers) if args.answers is not None else None
    if args.finished is None:
        made = make_image(build, force=args.force)
        _say_result(build.output / inputs.IMAGE, started, made=made)
    if args.netboot:
        made = make_netboot(build)
        netboot.set_answers(build.output / NETBOOT, answers)
        print(f"{build.output / NETBOOT}: {'made' if made else 'up to date'}; its README.txt says how it is served")
    if args.finished is None and (args.iso or (answers is not None and not args.netboot)):
        started = time.monotonic()
        made = make_iso(build)
        _say_result(build.output / ISO, started, made=made)
    if answers is not None and not args.netboot:
        started = time.monotonic()
        finished = args.finished or build.output / ISO
        target = build.output / f"{finished.stem}-unattended.iso"
        remaster.remaster(finished, args.answers, target, build.runner)
        _say_result(target, started, made=True)


def _say_result(path: Path, started: float, *, made: bool) -> None:
    took = f"made in {format_duration(time.monotonic() - started)}" if made else "up to date"
    print(f"{path}: {format_size(path.stat().st_size)}, {took}", flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
