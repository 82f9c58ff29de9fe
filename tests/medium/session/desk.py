"""A session of the medium with everything around it recorded."""

from collections.abc import Sequence
from pathlib import Path

from tests.given import SYSTEM, Recorder, machine
from xeninstall.answers.model import Answers, Network
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Event
from xeninstall.base.run import Completed, Runner
from xeninstall.machine.model import Content, Machine
from xeninstall.medium.console import Console
from xeninstall.medium.session import Session, Tools
from xeninstall.medium.words import parse


class Screen(Console):
    """A console that remembers. `keys` are pressed in turn; without any, nobody is there."""

    def __init__(self, keys: str = "") -> None:
        self.said: list[str] = []
        self._keys = list(keys)
        self.somebody = bool(keys)

    @property
    def interactive(self) -> bool:
        return self.somebody

    def say(self, text: str = "") -> None:
        self.said.append(text)

    def key(self, timeout_seconds: float | None = None) -> str:
        if not self._keys:
            raise EOFError
        key = self._keys.pop(0)
        return "" if key == "." and timeout_seconds is not None else key

    def countdown(self, seconds: int, text: str) -> bool:
        self.say(text)
        return self.somebody and self.key(1.0) != ""

    @property
    def text(self) -> str:
        return "\n".join(self.said)


class Other:
    """Stands where p2v converts."""

    def __init__(self, *errors: Error) -> None:
        self.errors, self.performed = list(errors), list[Answers]()
        self.refusal: Error | None = None

    def head(self, answers: Answers, machine: Machine) -> str:
        if self.refusal is not None:
            raise self.refusal
        return f"converting to {answers.convert.target}"

    def perform(self, answers: Answers, machine: Machine, runner: Runner, emit: Emit) -> dict[str, str]:
        self.performed.append(answers)
        if self.errors:
            raise self.errors.pop(0)
        return {"start it": "xl create old.cfg"}


def _used(found: Machine) -> Machine:
    """That machine with something on its first NVMe disk."""
    old = Content(path="/dev/nvme0n1p1", kind="filesystem", size_bytes=2**30, fstype="ext4", label="precious")
    disks = [
        disk.model_copy(update={"table": "gpt", "contents": (old,)}) if disk.path == "/dev/nvme0n1" else disk
        for disk in found.disks
    ]
    return found.model_copy(update={"disks": tuple(disks)})


class Desk:
    """A session with everything around it recorded."""

    def __init__(self, tmp_path: Path, line: str, keys: str = "") -> None:
        self.screen, self.runner = Screen(keys), Recorder(self._play)
        self.wizards: list[tuple[Path | None, str]] = []
        self.shells: list[Sequence[str]] = []
        self.events: list[Event] = []
        self.machine = _used(machine("nvme"))
        self.journal = ""  # on the ESP
        self.flows: list[str] = []
        self.rescues = 0
        self.other: Other | None = None
        self.networks: list[Network] = []
        self.session = Session(
            parse(line),
            Tools(
                console=self.screen,
                runner=self.runner,
                emit=self.events.append,
                interact=lambda argv: self.shells.append(argv) or 0,  # type: ignore[func-returns-value]
                probe=lambda: self.machine,
                system=lambda: (SYSTEM, tmp_path / "system.squashfs"),
                wizard=self._wizard,
                rescue=self._rescue,
                flows=lambda: self.flows,
                state=tmp_path / "own",
                other_flow=lambda name: self.other,
                use_network=lambda answers, machine: self.networks.append(answers.network),
            ),
        )

    def _play(self, argv: tuple[str, ...]) -> Completed | None:
        if argv[0] == "blkid":
            return Completed(argv, 2, "", "")
        if argv[0] == "mcopy":
            return Completed(argv, 0 if self.journal else 1, self.journal, "")
        return None

    def _wizard(self, answers: Path | None, flow: str) -> int:
        self.wizards.append((answers, flow))
        return 0

    def _rescue(self) -> int:
        self.rescues += 1
        return 0
