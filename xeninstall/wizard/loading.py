"""Finds, reads and loads packs for the screens: the same floors as `xeninstall pack`."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from xeninstall.answers.model import PackSource
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit
from xeninstall.base.run import Runner
from xeninstall.packs.find import Found, find
from xeninstall.packs.gather import gathered
from xeninstall.packs.keys import trusted
from xeninstall.packs.load import Loaded, load
from xeninstall.packs.model import Pack
from xeninstall.packs.queue import QUEUE, as_answer, prepare, put
from xeninstall.packs.read import read
from xeninstall.packs.verify import verify


class PackLoader:
    """See kit.session.Loader. What it keeps of packs goes away with `close`, but for the queue."""

    def __init__(self, runner: Runner, kernel: str, queue: Path = QUEUE) -> None:
        self._runner, self._kernel, self._queue = runner, kernel, queue
        self._opened = ExitStack()
        self._staged = ExitStack()
        self._pack: Pack | None = None

    def find(self) -> list[Found]:
        """See kit.session.Loader."""
        return find(self._runner)

    def open(self, source: str, emit: Emit) -> Pack:
        """See kit.session.Loader."""
        self._opened.close()
        self._pack = None
        tree = self._opened.enter_context(read(source, self._runner, emit, prepare(self._queue)))
        pack = verify(tree, source if "://" in source else str(Path(source).absolute()), trusted(), self._runner)
        as_answer(pack)  # before it is loaded: the answers will name it
        self._pack = pack
        return pack

    def load(self, emit: Emit) -> Loaded:
        """See kit.session.Loader."""
        if self._pack is None:
            raise Error("no pack is open", hint="choose one first")
        done = self._take(self._pack, emit)
        self._opened.close()
        self._pack = None
        return done

    def _take(self, pack: Pack, emit: Emit) -> Loaded:
        """Load it, and keep its files for the installation."""
        done = load(pack, self._runner, emit)
        return replace(done, pack=put(pack, self._queue))

    def stage(self, wanted: PackSource, emit: Emit) -> Pack:
        """See kit.session.Loader."""
        packs = gathered((wanted,), self._runner, emit, self._kernel, prepare(self._queue), self._queue)
        return self._staged.enter_context(packs)[0]

    def close(self) -> None:
        """Forget what was not loaded."""
        self._opened.close()
        self._staged.close()
