"""`xeninstall start`: what the boot medium runs in its first window."""

import argparse
import logging
import sys
from importlib.metadata import entry_points
from pathlib import Path

from xeninstall.apply.guard import read_system_image
from xeninstall.apply.records import log_to
from xeninstall.apply.target import STATE
from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner, interact
from xeninstall.machine.probe import probe
from xeninstall.medium.console import Console
from xeninstall.medium.network import use
from xeninstall.medium.session import OtherFlow, Session, Tools
from xeninstall.medium.words import parse
from xeninstall.plan.system_image import SystemImage

from .install import find_system, must_be_root
from .progress import Lines


def run(args: argparse.Namespace) -> int:
    """Read the kernel's words and do what they say."""
    must_be_root()
    try:
        line = Path(args.command_line).read_text(errors="replace")
    except OSError as error:
        hint = "name a file with the words in it"
        raise UsageError(f"{args.command_line} cannot be read: {error.strerror}", hint=hint) from None
    runner = SystemRunner()

    def system() -> tuple[SystemImage, Path]:
        squashfs = find_system(args.system)
        return read_system_image(squashfs), squashfs

    tools = Tools(
        console=Console(),
        runner=runner,
        emit=Lines(sys.stdout),
        interact=interact,
        probe=lambda: probe(runner),
        system=system,
        wizard=lambda answers, flow: _wizard(answers, flow, args.system),
        rescue=_rescue,
        flows=lambda: [point.name for point in entry_points(group="xeninstall.flows")],
        state=STATE,
        other_flow=_other_flow,
        use_network=lambda answers, machine: use(answers.network, answers.dns, machine, runner),
    )
    handler = log_to(STATE / "start.log")
    try:
        return Session(parse(line), tools).run()
    finally:
        logging.getLogger("xeninstall").removeHandler(handler)
        handler.close()


def _other_flow(name: str) -> OtherFlow | None:
    found = next(iter(entry_points(group="xeninstall.unattended", name=name)), None)
    flow: OtherFlow | None = found.load() if found is not None else None
    return flow


def _wizard(answers: Path | None, flow: str, system: str | None) -> int:
    from . import wizard

    given = {"answers": str(answers) if answers else None, "flow": flow or None, "system": system}
    return wizard.run(argparse.Namespace(**given, target=None, size="16G", machine=None))


def _rescue() -> int:
    from . import rescue

    nothing = {"list": False, "host": None, "shell": False, "write": False, "repair_boot": False, "json": False}
    return rescue.run(argparse.Namespace(**nothing, target=None))
