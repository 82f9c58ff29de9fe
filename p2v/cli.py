"""argv → verb. The only place of p2v that prints an error or decides an exit code."""

import importlib
import os
import signal
import sys
from types import FrameType

from xeninstall.base.errors import Error, ExitCode

from .parser import build_parser


def main(argv: list[str] | None = None) -> int:
    """Run one verb; every failure becomes a message, a hint and an exit code."""
    parser = build_parser()
    args = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if args.verb is None:
        parser.print_help()
        return ExitCode.USAGE
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        return int(importlib.import_module(f".verbs.{args.verb}", __package__).run(args))
    except Error as error:
        _print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("p2v: stopped", file=sys.stderr)
        if args.verb == "convert" and args.to != "-":
            again = "the same command" if args.answers else "the same command and --resume"
            print(f"  -> go on with {again}", file=sys.stderr)
        return ExitCode.STOPPED
    except BrokenPipeError:
        # The reader of our output went away; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"p2v: {where}{error.strerror or error}", file=sys.stderr)
        return ExitCode.FAILED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_error(error: Error) -> None:
    for line in error.message.splitlines() or [type(error).__name__]:
        print(f"p2v: {line}", file=sys.stderr)
    if error.hint:
        print(f"  -> {error.hint}", file=sys.stderr)
