"""A Runner that starts nothing: it remembers, and leaves files as a command would have."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from xeninstall.base.run import Completed, Process


class Recorder:
    """`writes` maps an option to the text for the file that the option names."""

    def __init__(self, writes: Mapping[str, str]) -> None:
        self.argvs: list[tuple[str, ...]] = []
        self._writes = writes

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        """Remember it."""
        self.argvs.append(tuple(argv))
        for option, text in self._writes.items():
            Path(argv[list(argv).index(option) + 1]).write_text(text)
        return Completed(tuple(argv), 0, "", "")

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        """Remember it; it has ended already."""
        return _Ended(self.run(argv, cwd=cwd))


class _Ended:
    def __init__(self, done: Completed) -> None:
        self._done = done

    def poll(self) -> int | None:
        return self._done.status

    def wait_for(self, seconds: float) -> Completed | None:
        return self._done

    def stop(self) -> None:
        """It has."""
