"""argv → verb. The only place that prints an error or decides an exit code."""

import importlib
import os
import signal
import sys
from types import FrameType

from .base.errors import Error, ExitCode
from .parser import build_parser


def main(argv: list[str] | None = None) -> int:
    """Run one verb; every failure becomes a message, a hint and an exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = build_parser()
    args = parser.parse_args(arguments)
    if args.verb is None:
        parser.print_help()
        return ExitCode.USAGE
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        # Each verb's module is loaded when it is asked for: `check` must not wait for the installer's imports.
        return int(importlib.import_module(f".verbs.{args.verb}", __package__).run(args))
    except Error as error:
        _print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("xeninstall: stopped", file=sys.stderr)
        return ExitCode.STOPPED
    except BrokenPipeError:
        # The reader of our output went away; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_error(error: Error) -> None:
    lines = error.message.splitlines() or [type(error).__name__]
    for line in lines:
        print(f"xeninstall: {line}" if len(lines) == 1 else line, file=sys.stderr)
    if error.hint:
        print(f"  -> {error.hint}", file=sys.stderr)
