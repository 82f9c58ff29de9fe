"""Carries the plan out for the progress screen: the same `execute` as the headless installer, and it can be stopped."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from xeninstall.answers.model import Answers
from xeninstall.apply.execute import Files, execute
from xeninstall.apply.guard import sole_run
from xeninstall.apply.journal import Journal
from xeninstall.apply.paths import journal_of, log_of
from xeninstall.apply.records import bundle, log_to
from xeninstall.apply.resume import release_leftovers
from xeninstall.apply.webhook import Webhook
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Event, Failed
from xeninstall.base.run import Completed, Process, Runner
from xeninstall.packs.model import Pack
from xeninstall.plan.model import Plan
from xeninstall.plan.system_image import SystemImage


class Installation:
    """One run, with as many tries as it takes; a try goes on where the one before it ended."""

    def __init__(self, image: SystemImage, squashfs: Path, runner: Runner, packs: Sequence[Pack] = ()) -> None:
        self._image, self._squashfs, self._packs = image, squashfs, packs
        self._stopping = threading.Event()
        self._runner = _Stoppable(runner, self._check)
        self._inner = runner
        self._journal: Journal | None = None

    def adopt(self, journal: Journal) -> None:
        """Go on where this one stands, when the plan turns out to be the one that was begun."""
        self._journal = journal

    def perform(self, plan: Plan, answers: Answers, emit: Emit) -> None:
        """See kit.session.Work."""
        self._stopping.clear()
        target = plan.disks[0].path
        if self._journal is None or self._journal.plan != plan.digest():
            self._journal = Journal.start(plan)
        else:
            with sole_run(target):
                release_leftovers(target, self._journal.seed, self._inner)
        files = Files(squashfs=self._squashfs, journal=journal_of(target), log=log_of(target), packs=tuple(self._packs))
        handler = log_to(files.log)
        try:
            with ExitStack() as stack:
                tell = emit
                if answers.hooks.webhook:
                    tell = _both(emit, stack.enter_context(Webhook(answers.hooks.webhook, emit)).tell)
                execute(plan, self._image, files, self._runner, self._watched(tell), self._journal)
        finally:
            logging.getLogger("xeninstall").removeHandler(handler)
            handler.close()

    def stop(self) -> None:
        """See kit.session.Work."""
        self._stopping.set()

    def log_of(self, plan: Plan) -> Path:
        """See kit.session.Work."""
        return log_of(plan.disks[0].path)

    def gather_logs(self, plan: Plan) -> Path:
        """See kit.session.Work."""
        target = plan.disks[0].path
        place = self.log_of(plan).parent
        out = next(path for number in range(1, 1000) if not (path := place / f"xeninstall-logs-{number}.tar.gz").exists())
        bundle(out, [journal_of(target), log_of(target)], self._inner)
        return out

    def save_answers(self, plan: Plan, text: str) -> Path:
        """See kit.session.Work."""
        path = self.log_of(plan).with_suffix(".answers.toml")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o600)
        except OSError as error:
            raise Error(f"the answer file {path} cannot be written: {error.strerror}", hint="make room there") from None
        return path

    def _check(self) -> None:
        # The way in which Ctrl+C reaches the headless installer; `execute` releases everything and says how to go on.
        if self._stopping.is_set():
            self._stopping.clear()
            raise KeyboardInterrupt

    def _watched(self, emit: Emit) -> Emit:
        def tell(event: Event) -> None:
            emit(event)
            if not isinstance(event, Failed):
                self._check()

        return tell


class _Stoppable:
    """A Runner that starts nothing more once a stop was asked for."""

    def __init__(self, inner: Runner, check: Callable[[], None]) -> None:
        self._inner, self._check = inner, check

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        self._check()
        return self._inner.run(argv, stdin=stdin, check=check, cwd=cwd)

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        self._check()
        return self._inner.start(argv, cwd=cwd)


def _both(first: Emit, second: Emit) -> Emit:
    def emit(event: Event) -> None:
        first(event)
        second(event)

    return emit
