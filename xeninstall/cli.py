"""argv → verb. The only place that prints an error or decides an exit code."""

import importlib
import io
import os
import signal
import sys
from types import FrameType

from .answers.problems import AnswersError
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console that cannot show a character gets its number, and a file name that is no text is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        # Each verb's module is loaded when it is asked for: `check` must not wait for the installer's imports.
        code = int(importlib.import_module(f".verbs.{args.verb}", __package__).run(args))
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where its failing still has a message
        return code
    except Error as error:
        _print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("xeninstall: stopped", file=sys.stderr)
        return ExitCode.STOPPED
    except BrokenPipeError:
        _abandon_output()
        return ExitCode.FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"xeninstall: {where}{error.strerror or error}", file=sys.stderr)
        _abandon_output()
        return ExitCode.FAILED


def _abandon_output() -> None:
    # The reader of our output went away, or its disk is full; Python would complain once more when it flushes at exit.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_error(error: Error) -> None:
    # Mistakes of a file begin with its name, as a compiler's do, so that editors find the line.
    prefix = "" if isinstance(error, AnswersError) else "xeninstall: "
    for line in error.message.splitlines() or [type(error).__name__]:
        print(f"{prefix}{line}", file=sys.stderr)
    if error.hint:
        print(f"  -> {error.hint}", file=sys.stderr)
