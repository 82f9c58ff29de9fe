"""`xeninstall wizard`: the installer with screens. It gathers what they stand on; they are in `xeninstall.wizard`."""

import argparse
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from xeninstall import __version__
from xeninstall.apply.guard import read_system_image
from xeninstall.apply.paths import is_disk
from xeninstall.apply.target import place_of
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Runner, SystemRunner
from xeninstall.machine.model import Machine
from xeninstall.medium.earlier import Earlier, answers_of, settled
from xeninstall.medium.network import use
from xeninstall.packs.queue import queued, with_queued
from xeninstall.plan.system_image import SystemImage

from .install import find_system, image_file, must_be_root
from .probe import machine

if TYPE_CHECKING:
    from xeninstall.wizard.draft import Draft
    from xeninstall.wizard.kit import Session, Target

_MEDIUM = Path("/run/live/medium")


def run(args: argparse.Namespace) -> int:
    """Show the screens until the person is done."""
    # Before Textual is loaded: it reads its settings from the environment when it is imported.
    from xeninstall.wizard import console

    console.prepare()
    rehearsal = args.machine is not None
    if not rehearsal:
        must_be_root()
    image, squashfs = _system(args.system, needed=not rehearsal and args.flow != "convert")

    from xeninstall.wizard.app import Wizard
    from xeninstall.wizard.draft import Draft
    from xeninstall.wizard.flow import registered
    from xeninstall.wizard.install import INSTALL, LOAD, START
    from xeninstall.wizard.keeping import Keeper
    from xeninstall.wizard.kit import Session
    from xeninstall.wizard.loading import PackLoader
    from xeninstall.wizard.work import Installation

    runner = SystemRunner()
    found, unfinished = _machine(args, runner)
    draft = Draft.from_file(Path(args.answers)) if args.answers else Draft()
    on_medium = _MEDIUM.is_dir() and not rehearsal
    packs = [] if rehearsal else queued()
    if packs:
        given = draft.section("packs")
        draft.set("packs", [one.model_dump(exclude_none=True, exclude_defaults=True) for one in with_queued(given)])
    loader = None if rehearsal else PackLoader(runner, image.kernel)
    session = Session(
        machine=found,
        runner=runner,
        image=image,
        squashfs=squashfs,
        draft=draft,
        target=_target(args.target, args.size, draft),
        rehearsal=rehearsal,
        console=not rehearsal and (on_medium or os.environ.get("TERM") == "linux"),
        on_medium=on_medium,
        seed=secrets.token_hex(16),
        reviewed=args.answers is not None,
        work=None if rehearsal else Installation(image, squashfs, runner, packs),
        loader=loader,
        packs=packs,
        use_network=(lambda network, dns: use(network, dns, found, runner)) if on_medium else lambda network, dns: None,
    )
    keeper = None if rehearsal else Keeper.of(os.path.realpath(args.target) if args.target else "")
    if unfinished is not None and args.answers is None:
        _offer(unfinished, session, runner)
    flows = [INSTALL, LOAD, *registered()]
    begin = next((flow for flow in flows if flow.name == args.flow), None)
    if args.flow and begin is None:
        raise UsageError(f"nothing here is called {args.flow}", hint=f"there are: {', '.join(flow.name for flow in flows)}")
    app = Wizard(session, START, flows, begin, keeper)
    try:
        code = app.run(mouse=False)
    finally:
        if loader is not None:
            loader.close()
    if keeper:
        keeper.close()
    console.clear()
    if app.mistake:
        place = app.mistake.strip().splitlines()
        raise Error(
            f"the wizard stopped by a mistake of its own: {place[-1][:200]}\n" + "\n".join(place[-5:-1]),
            hint="send this to whoever maintains it; until then install without a screen: xeninstall install ANSWERS",
        )
    if session.saved is not None:
        print(f"The answers, to replay them: {session.saved}")
    return code if code is not None else app.return_code or 0


def _machine(args: argparse.Namespace, runner: Runner) -> tuple[Machine, Earlier | None]:
    """The machine, and an installation onto one of its disks that was interrupted."""
    if args.machine is not None or args.target is not None:
        return machine(args.machine), None
    found, runs = settled(lambda: machine(None), runner)
    return found, next((run for run in runs if not run.journal.complete), None)


def _offer(run: Earlier, session: "Session", runner: Runner) -> None:
    """Have the menu offer to go on with it; what its disk keeps of the answers lacks the secrets, which are asked for again."""
    from xeninstall.wizard.draft import Draft
    from xeninstall.wizard.work import Installation

    text = answers_of(run, runner)
    if not text:
        return
    path = place_of(run.disk).with_suffix(".begun.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    try:
        begun = Draft.from_file(path)
    except UsageError:
        return  # damaged by the power cut itself: beginning anew is what is left

    def go_on() -> None:
        for key, value in begun.data.items():
            session.draft.set(key, value)
        session.seed, session.reviewed = run.journal.seed, True
        if isinstance(session.work, Installation):
            session.work.adopt(run.journal)

    session.unfinished, session.go_on = f"{run.disk}, {run.identity}", go_on


def _system(named: str | None, *, needed: bool) -> tuple[SystemImage, Path]:
    try:
        squashfs = find_system(named)
        return read_system_image(squashfs), squashfs
    except UsageError:
        if named is not None or needed:
            raise
    # A rehearsal needs no system image, since the plan is only shown; a conversion installs nothing.
    return SystemImage.unknown(__version__), Path("none")


def _target(named: str | None, size: str, draft: "Draft") -> "Target":
    from xeninstall.wizard.kit import Target

    if named is None:
        return Target()
    if is_disk(named):
        # A disk stands in the answers, so that the file which the run leaves is about the same disk.
        draft.set("disk.path", named)
        return Target()
    file = image_file(named, size)
    return Target(file.path, file.size_bytes, exists=file.exists)
