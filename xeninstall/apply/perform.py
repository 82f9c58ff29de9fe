"""One run of a plan with what belongs around it: its log, its journal, and the URL that is told of it."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Event, Failed
from xeninstall.base.http import Trust
from xeninstall.base.run import Runner
from xeninstall.packs.model import Pack
from xeninstall.plan.model import Plan
from xeninstall.plan.system_image import SystemImage

from .execute import Files, execute
from .journal import Journal
from .paths import journal_of, log_of
from .records import log_to
from .webhook import Webhook


@dataclass(frozen=True)
class Listener:
    """A URL that is told of a run; an empty one is nobody's."""

    url: str = field(default="", repr=False)
    trust: Trust = field(default_factory=Trust)
    about: Mapping[str, str] = field(default_factory=dict)  # what names this machine


def perform(
    plan: Plan,
    image: SystemImage,
    squashfs: Path,
    journal: Journal,
    runner: Runner,
    emit: Emit,
    listener: Listener,
    packs: tuple[Pack, ...] = (),
) -> Path:
    """Carry the plan out from where the journal stands; returns where the log is. Raises Error, as `execute` does."""
    target = plan.disks[0].path
    files = Files(squashfs=squashfs, journal=journal_of(target), log=log_of(target), packs=packs)
    handler = log_to(files.log)
    try:
        with listening(listener, emit) as tell:
            execute(plan, image, files, runner, tell, journal)
    finally:
        logging.getLogger("xeninstall").removeHandler(handler)
        handler.close()
    return files.log


@contextmanager
def listening(listener: Listener, emit: Emit) -> Iterator[Emit]:
    """An emit that also reaches the listener's URL; leaving waits a little for the last event to arrive."""
    if not listener.url:
        yield emit
        return
    with ExitStack() as stack:
        webhook = stack.enter_context(Webhook(listener.url, emit, listener.trust, listener.about))

        def tell(event: Event) -> None:
            emit(event)
            webhook.tell(event)

        yield tell


@contextmanager
def telling_of_failure(stage: str, listener: Listener, emit: Emit) -> Iterator[None]:
    """Around what happens before there is a plan: an Error is told, as one of the run itself would be, and goes on up."""
    try:
        yield
    except Error as error:
        tell_failure(stage, error, listener, emit)
        raise


def tell_failure(stage: str, error: Error, listener: Listener, emit: Emit) -> None:
    """Tell the listener, and nobody else, that this stage failed."""
    with listening(listener, lambda event: None if isinstance(event, Failed) else emit(event)) as tell:
        tell(Failed(stage, error.message, error.hint, error.exit_code))
