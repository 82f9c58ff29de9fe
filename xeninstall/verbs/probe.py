"""`xeninstall probe`: what this machine has."""

import argparse
import time
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner
from xeninstall.machine.model import Machine, MachineError
from xeninstall.machine.probe import probe


def machine(profile: str | None) -> Machine:
    """This machine, or a recorded one. Raises UsageError when the file cannot be read or is no profile."""
    if profile is None:
        return probe(SystemRunner())
    try:
        return Machine.from_json(Path(profile).read_bytes())
    except OSError as error:
        raise UsageError(f"{profile} cannot be read: {error.strerror}", hint="record one with: xeninstall probe --json") from None
    except MachineError as error:
        raise UsageError(f"{profile}: {error.message}", hint=error.hint) from None


def run(args: argparse.Namespace) -> int:
    """Print it for people, or as JSON."""
    if args.report:
        return _report(args)
    from xeninstall.machine.show import show

    found = machine(args.machine)
    print(found.to_json() if args.json else show(found), end="")
    return 0


def _report(args: argparse.Namespace) -> int:
    if args.machine is not None:
        raise UsageError("--report is about this system, not a recorded machine", hint="leave out --machine, or --report")
    from xeninstall.host.report import report, show
    from xeninstall.machine.look import Look

    runner = SystemRunner()
    made = report(probe(runner), Look(runner), time.time())
    print(made.to_json() if args.json else show(made), end="")
    return 0
