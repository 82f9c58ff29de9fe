"""A builder's surroundings without Debian: a runner that remembers, and answers what a test tells it to."""

from collections.abc import Callable, Sequence
from pathlib import Path

from iso.builder import Build
from iso.lists import PackageList, Section
from xeninstall.base.run import CommandError, Completed, Process

Answer = Callable[[tuple[str, ...]], Completed]


def done(argv: Sequence[str], *, status: int = 0, stdout: str = "", stderr: str = "") -> Completed:
    """How a command may have ended."""
    return Completed(tuple(argv), status, stdout, stderr)


class Ended:
    """A command that was over before anyone looked."""

    def __init__(self, completed: Completed) -> None:
        self.completed = completed

    def poll(self) -> int | None:
        """See Process."""
        return self.completed.status

    def wait_for(self, _seconds: float) -> Completed | None:
        """See Process."""
        return self.completed

    def stop(self) -> None:
        """See Process."""


class Recorder:
    """A Runner that starts nothing."""

    def __init__(self, answer: Answer = done) -> None:
        self.answer = answer
        self.commands: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        """See Runner."""
        self.commands.append(tuple(argv))
        completed = self.answer(tuple(argv))
        if check and completed.status:
            raise CommandError(argv, completed.status, completed.stderr)
        return completed

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
        """See Runner."""
        self.commands.append(tuple(argv))
        return Ended(self.answer(tuple(argv)))


def source_tree(top: Path) -> Path:
    """The least project that the builder can look at."""
    for name, text in {
        "iso/build.py": "stages",
        "iso/root.py": "debian",
        "iso/packages.txt": "[base] Base\nbash  # shell\n",
        "xeninstall/__init__.py": "version",
        "xeninstall/__pycache__/__init__.pyc": "compiled",
        "pyproject.toml": '[project]\nname = "xeninstall"\nversion = "1.2.3"\n',
    }.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return top


def build_in(tmp_path: Path, runner: Recorder | None = None, packages: PackageList | None = None) -> Build:
    """A Build whose every path is below `tmp_path`."""
    source, output = tmp_path / "source", tmp_path / "build"
    output.mkdir(exist_ok=True)
    none = PackageList(Section("base", "Base", ()), ())
    return Build(runner or Recorder(), source_tree(source), output, packages or none, lambda _line: None)
