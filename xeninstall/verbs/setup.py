"""`xeninstall setup`: a running host's state and settings, on its consoles and over SSH."""

import argparse
import logging
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from xeninstall import __version__
from xeninstall.answers.package_sets import SETS
from xeninstall.apply.records import log_to
from xeninstall.base.errors import Error, ExitCode, UsageError
from xeninstall.base.run import SystemRunner, interact
from xeninstall.plan.system_image import OfflineSet, SystemImage

from .install import must_be_root
from .probe import machine

if TYPE_CHECKING:
    from xeninstall.wizard.setup.packs import HostLoader
    from xeninstall.wizard.setup.session import SetupSession

_LOG = Path("/var/log/xeninstall/setup.log")


def run(args: argparse.Namespace) -> int:
    """Show the screens; or settle a change that waits, without them."""
    must_be_root()
    if not 10 <= args.undo_after <= 3600:
        raise UsageError("--undo-after is not a number of seconds from 10 to 3600", hint="leave it out for the default")
    if args.confirm or args.undo:
        return _settle(keep=args.confirm)
    # Before Textual is loaded: it reads its settings from the environment when it is imported.
    from xeninstall.wizard import console

    console.prepare("it is about screens alone; see the host with: xl info, networkctl, systemctl --failed")
    _LOG.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    handler = log_to(_LOG)
    try:
        return _show(args)
    finally:
        logging.getLogger("xeninstall").removeHandler(handler)
        handler.close()


def _settle(*, keep: bool) -> int:
    from xeninstall.host.undo import Undo

    undo = Undo(SystemRunner())
    if keep:
        undo.confirm()
        print("The change stays.")
    elif undo.pending() is None:
        raise Error("no change waits to be confirmed", hint="there is nothing to undo")
    else:
        undo.back()
        print("The old settings are back.")
    return ExitCode.DONE


def _show(args: argparse.Namespace) -> int:
    session, loader = _session(args)
    with closing(loader):
        return _screens(session)


def _screens(session: "SetupSession") -> int:
    from xeninstall.wizard import console
    from xeninstall.wizard.setup.app import SetupConsole
    from xeninstall.wizard.setup.exits import EXIT_SHELL

    while True:
        app = SetupConsole(session)
        code = app.run(mouse=False)
        console.clear()
        if app.mistake:
            place = app.mistake.strip().splitlines()
            raise Error(f"the console stopped by a mistake of its own: {place[-1][:200]}", hint=f"{_LOG} has the rest; send it")
        if code != EXIT_SHELL:
            return code if code is not None else app.return_code or 0
        if session.guarded:
            return ExitCode.DONE  # the login comes from whoever started us
        print("A shell of this host; `exit` comes back.")
        interact(["bash", "--login"])


def _session(args: argparse.Namespace) -> "tuple[SetupSession, HostLoader]":
    from xeninstall.wizard.setup.packs import HostLoader
    from xeninstall.wizard.setup.session import SetupSession
    from xeninstall.wizard.setup.work import RunningHost

    runner = SystemRunner()
    found = machine(None)
    host = RunningHost(found, runner, seconds=args.undo_after)
    loader = HostLoader(runner, found.kernel.release, host.add_pack)
    session = SetupSession(
        machine=found,
        runner=runner,
        image=_by_apt(),
        squashfs=Path("none"),
        host=host,
        loader=loader,
        guarded=args.console,
        installed=True,
        console=args.console,
    )
    return session, loader


def _by_apt() -> SystemImage:
    """No image is at hand; the sets come from Debian's archive."""
    sets = {one.value: OfflineSet(title=one.value, packages=names, debs=(), unpacked_bytes=0) for one, names in SETS.items()}
    return SystemImage.unknown(__version__).model_copy(update={"sets": sets})
