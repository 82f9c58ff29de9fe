"""The packs of an answer file, and those that were loaded before: read, checked and kept until the installation is over."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from xeninstall.answers.model import PackSource
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Note
from xeninstall.base.run import Runner

from .errors import PackError
from .keys import Key, parse, trusted
from .model import Pack
from .queue import QUEUE, queued
from .read import read, shown_source
from .verify import Demands, accept, verify


@contextmanager
def gathered(
    wanted: Sequence[PackSource], runner: Runner, emit: Emit, kernel: str, place: Path | None = None, queue: Path = QUEUE
) -> Iterator[tuple[Pack, ...]]:
    """The packs, for as long as the `with` lasts; what must be read is read into `place`, a directory of its own
    unless one is given. Raises PackError naming the source.
    """
    with ExitStack() as stack:
        place = place or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xeninstall-packs-")))
        ready = {pack.digest: pack for pack in queued(queue)} if wanted else {}
        packs: dict[str, Pack] = {}
        for one in wanted:
            with _about(one):
                pack = _one(one, ready, stack, runner, emit, place)
                accept(pack, _demands(one, kernel))
            before = packs.get(pack.manifest.name)
            if before is not None and before.digest != pack.digest:
                raise PackError(
                    f"two packs are called {pack.manifest.name}: {before.manifest.version} and {pack.manifest.version}",
                    hint="leave one of them out",
                )
            packs[pack.manifest.name] = pack
        yield tuple(packs.values())


def _one(one: PackSource, ready: dict[str, Pack], stack: ExitStack, runner: Runner, emit: Emit, place: Path) -> Pack:
    if one.sha256 is not None and one.sha256 in ready:
        return ready[one.sha256]
    emit(Note(f"reading the pack {shown_source(one.source)}"))
    tree = stack.enter_context(read(one.source, runner, emit, place))
    return verify(tree, one.source, [*trusted(), *_key(one)], runner)


@contextmanager
def _about(one: PackSource) -> Iterator[None]:
    """Among several packs, an error has to say which one it is about."""
    try:
        yield
    except Error as error:
        source = shown_source(one.source)
        if source not in error.message:
            error.message = f"{source}: {error.message}"
        raise


def _demands(one: PackSource, kernel: str) -> Demands:
    return Demands(kernel, one.sha256, next(iter(_key(one)), None), one.allow_unsigned)


def _key(one: PackSource) -> list[Key]:
    return list(parse(one.key, "the answers' key")) if one.key else []
