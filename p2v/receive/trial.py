"""A trial start under Xen: a twin of the received machine, without network cards, whose console is listened to.

begin   what an earlier one left is removed; the disks get copy-on-write twins; `xl create`, paused; the console; `xl unpause`
look    listens for a moment, and says what the console has told so far
end     the twin and its disks are gone; the machine's own disks are as they were sent
"""

import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Channel, CommandError, MissingTool, Runner, talk

from ..listening import Listening
from ..sink.model import TargetError
from ..vm.model import DiskImage, Mode, VirtualMachine
from ..vm.twin import twin_of
from ..vm.xl import xl_config
from .incoming import Incoming
from .store import Place, remove

_GONE_SECONDS = 15.0  # a restart takes a moment, in which there is no machine of this name
_MOST_RESTARTS = 3  # a relabelled system restarts once, and one that cannot start does so for ever


@dataclass(frozen=True)
class Twin:
    """What a trial start makes; written down before it is made, so that whoever comes next can remove it."""

    domain: str
    volumes: tuple[str, ...]  # thin snapshots, GROUP/NAME
    files: tuple[str, ...]  # qcow2 over the machine's own files

    @classmethod
    def of(cls, incoming: Incoming) -> "Twin":
        """A new one of this machine, by names that nobody else has."""
        own = f"trial-{secrets.token_hex(4)}"
        volumes = tuple(f"{disk.volume}-{own}" for disk in incoming.disks if disk.volume)
        files = tuple(str(_beside(Path(disk.path), own)) for disk in incoming.disks if not disk.volume)
        return cls(f"p2v-{own}", volumes, files)


class Trial:
    """One that was begun. `end` must be called."""

    def __init__(self, twin: Twin, folder: Path, marker: str, runner: Runner, listen: Callable[[str], Channel]) -> None:
        self._twin, self._folder, self._runner, self._listen = twin, folder, runner, listen
        self._restarts = 0
        self._listening = Listening(listen(twin.domain), marker, self._again)
        self.look = self._listening.look

    def end(self) -> None:
        """Remove it all. Raises Error when something stays."""
        self._listening.end()
        remove_left(self._folder, self._runner)

    def _again(self, gone_seconds: float) -> Channel | str:
        """The console ended: the machine restarts, or is gone."""
        listed = self._runner.run(["xl", "list", self._twin.domain], check=False)
        gone = listed.status != 0
        if gone and gone_seconds > _GONE_SECONDS:
            return "it ended by itself"
        if gone or _is_paused(listed.stdout):
            time.sleep(0.5)
            return ""
        self._restarts += 1
        return "it starts again and again" if self._restarts > _MOST_RESTARTS else self._listen(self._twin.domain)


def begin(vm: VirtualMachine, mode: Mode, incoming: Incoming, marker: str, runner: Runner) -> Trial:
    """Make the twin and let it run. Raises TargetError; then nothing is left of it."""
    remove_left(incoming.folder, runner)
    twin = Twin.of(incoming)
    config = incoming.folder / "trial.cfg"
    try:
        _note(incoming.folder).write_text(json.dumps(asdict(twin)))
        disks = _copies(twin, incoming, runner)
        config.write_text(xl_config(twin_of(vm, twin.domain, disks), mode))
        runner.run(["xl", "create", "-p", str(config)])
        trial = Trial(twin, incoming.folder, marker, runner, _console)
        try:
            runner.run(["xl", "unpause", twin.domain])
        except BaseException:
            trial.end()
            raise
        return trial
    except BaseException as error:
        with suppress(Error, OSError):
            remove_left(incoming.folder, runner)
        if isinstance(error, CommandError | MissingTool | OSError):
            said = error.said if isinstance(error, CommandError) else str(error)
            raise TargetError(f"{incoming.name} cannot be started for a trial: {said}") from None
        raise


def check_able(runner: Runner) -> None:
    """Whether this host can make twins of disks in files. Raises TargetError."""
    try:
        runner.run(["qemu-img", "--version"])
    except MissingTool as error:
        raise TargetError(f"a trial start of disks in files needs more than is here: {error.message}", hint=error.hint) from None


def remove_left(folder: Path, runner: Runner) -> None:
    """The machine and the disks of a trial start that this or an earlier connection made. Raises Error when something stays."""
    note = _note(folder)
    try:
        found = json.loads(note.read_bytes())
        twin = Twin(str(found["domain"]), tuple(map(str, found["volumes"])), tuple(map(str, found["files"])))
    except (OSError, ValueError, KeyError, TypeError):
        note.unlink(missing_ok=True)
        return
    with suppress(MissingTool):
        gone = runner.run(["xl", "destroy", twin.domain], check=False)
        if gone.status != 0 and runner.run(["xl", "domid", twin.domain], check=False).status == 0:
            raise TargetError(f"the trial start {twin.domain} does not end", hint=f"end it there: xl destroy {twin.domain}")
    for volume in twin.volumes:
        _remove(volume, runner)
    for file in twin.files:
        Path(file).unlink(missing_ok=True)
    (folder / "trial.cfg").unlink(missing_ok=True)
    note.unlink(missing_ok=True)


def _copies(twin: Twin, incoming: Incoming, runner: Runner) -> tuple[DiskImage, ...]:
    volumes, files = iter(twin.volumes), iter(twin.files)
    made = []
    for disk in incoming.disks:
        if disk.volume:
            volume = next(volumes)
            # A snapshot of a thin volume is not active by itself.
            active = ["--setactivationskip", "n", "--activate", "y"]
            runner.run(["lvcreate", "--yes", "--snapshot", *active, "--name", volume.partition("/")[2], disk.volume])
            made.append(DiskImage(f"/dev/{volume}", "raw"))
        else:
            file = next(files)
            runner.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", disk.path, file])
            made.append(DiskImage(file, "qcow2"))
    return tuple(made)


def _remove(volume: str, runner: Runner) -> None:
    for last in (False, False, False, False, True):
        try:
            remove(Place(Path("/dev") / volume, volume), runner)
            return
        except CommandError:  # Xen may hold it for a moment longer
            if last:
                raise
            time.sleep(1)


def _is_paused(listed: str) -> bool:
    """Of `xl list DOMAIN`: Name, ID, Mem, VCPUs, State, Time. One whose boot loader runs is paused; its console leads nowhere."""
    return any("p" in state for line in listed.splitlines()[-1:] for state in line.split()[-2:-1])


def _console(domain: str) -> Channel:
    return talk(["xl", "console", domain])


def _note(folder: Path) -> Path:
    return folder / "trial.json"


def _beside(path: Path, own: str) -> Path:
    return path.with_name(f".{path.name}.{own}")
