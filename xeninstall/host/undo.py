"""The way back of a change of settings: its files and services, and the answers that become the host's when it is confirmed."""

import json
import shlex
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from xeninstall.apply.host_files import write_file
from xeninstall.apply.way_back import WayBack
from xeninstall.base.run import Runner
from xeninstall.plan.model import WriteFile

from .changes import Changes
from .read import KEPT

PLACE = "/var/lib/xeninstall/undo"
_UNIT = "xeninstall-undo"


@dataclass(frozen=True)
class Pending:
    """A change that waits for its confirmation."""

    seconds: int  # until it is undone
    topics: tuple[str, ...]


class Undo:
    """The way back of one change on the host below `root`."""

    def __init__(self, runner: Runner, root: Path = Path("/")) -> None:
        self._root, self._way = root, WayBack(runner, PLACE, _UNIT, root)

    def arm(self, changes: Changes, answers: str, seconds: int) -> None:
        """See WayBack. `answers` become the host's when the change is confirmed."""
        running = tuple(shlex.join(argv) for argv in changes.undo)
        at_boot = tuple(shlex.join(argv) for argv in changes.undo if argv[0] == "hostname")
        paths = tuple(change.path for change in changes.files)
        self._way.arm(paths, running, at_boot, seconds, {"answers.toml": answers, "topics": json.dumps(changes.topics)})

    def pending(self) -> Pending | None:
        """A change that waits, if there is one."""
        if not self._way.waits:
            return None
        try:
            topics = json.loads((self._way.place / "topics").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            topics = []
        return Pending(self._way.left(), tuple(map(str, topics)))

    def confirm(self) -> None:
        """The change stays, and its answers become the host's. Raises TooLate."""
        self._way.confirm(self._keep)

    def _keep(self) -> None:
        text = (self._way.place / "answers.toml").read_text(encoding="utf-8")
        write_file(self._root, WriteFile(path=KEPT, text=text, mode=0o640))

    def back(self) -> None:
        """Put the old files back now. Raises Error when that fails."""
        self._way.back()

    def holding(self) -> AbstractContextManager[None]:
        """While files are written and services hear of it: the way back waits for its turn."""
        return self._way.holding()
