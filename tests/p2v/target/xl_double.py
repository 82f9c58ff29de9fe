"""A strict stand-in for Xen's `xl`, which cannot run here: it keeps domains as files and refuses whatever the real one would.

It is a script of its own that the receiving end starts like the real one. What a domain says on its console, and what becomes
of it then, is told by the test.
"""

import json
import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Xl:
    """The stand-in of one test: its programs' folder, and what it was asked for."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, *, caps: str = "xen-3.0-x86_64 hvm-3.0-x86_64") -> "Xl":
        """In this new folder. Its domains say nothing yet."""
        folder.mkdir()
        program = folder / "xl"
        root = Path(__file__).parents[3]
        program.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\n"
            f"from tests.p2v.target.xl_double import main\nsys.exit(main({str(folder)!r}, sys.argv[1:]))\n"
        )
        program.chmod(0o755)
        (folder / "domains").mkdir()
        (folder / "caps").write_text(caps)
        return cls(folder)

    def plays(self, *says: str, then: str = "stay", create: str = "", destroy: str = "", lost: bool = False) -> "Xl":
        """What domains say, each part a console of its own; after the last they `stay` or `end`.

        `create` and `destroy`: why none is made or ended. `lost`: whoever starts one for good dies of it.
        """
        play = {"says": says, "then": then, "create": create, "destroy": destroy, "lost": lost}
        (self.folder / "play.json").write_text(json.dumps(play))
        return self

    @property
    def calls(self) -> list[list[str]]:
        """What it was asked for, but for `info`, `domid` and `list`."""
        path = self.folder / "calls"
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [call for call in found if call[0] not in ("info", "domid", "list")]

    @property
    def domains(self) -> list[str]:
        """Those that are there."""
        return sorted(path.name for path in (self.folder / "domains").iterdir())

    def config(self, number: int) -> str:
        """The file of the n-th creation."""
        return (self.folder / f"created{number}").read_text()

    def command(self, receiver: list[str]) -> list[str]:
        """A receiver's command line, with this `xl` as the system's."""
        found = list(receiver)
        at = found.index("-m")
        path = f"r._PATH = {str(self.folder)!r} + ':' + r._PATH"
        found[at : at + 2] = [
            "-c",
            f"import xeninstall.base.run as r; {path}; from p2v.cli import main; raise SystemExit(main())",
        ]
        return found


def main(folder: str, argv: list[str]) -> int:
    """The program. 64 is a call that the real one does not know."""
    here = Path(folder)
    with (here / "calls").open("a") as file:
        file.write(json.dumps(argv) + "\n")
    match argv:
        case ["info"]:
            print(f"xen_caps               : {(here / 'caps').read_text()}")
            return 0
        case ["create", config]:
            status = _create(here, Path(config), "running")
            if _play(here)["lost"]:
                os.kill(os.getppid(), signal.SIGKILL)
            return status
        case ["create", "-p", config]:
            return _create(here, Path(config), "paused")
        case ["domid", name] if (here / "domains" / name).exists():
            print("7")
            return 0
        case ["list", name] if state := _state(here, name):
            print("Name                                        ID   Mem VCPUs\tState\tTime(s)")
            print(f"{name:<40}     7   768     1     {'r-----' if state == 'running' else '--p---'}       1.5")
            return 0
        case ["unpause", name] if _state(here, name) == "paused":
            _put(here, name, "running 0")
            return 0
        case ["console", name] if _state(here, name):
            return _console(here, name)
        case ["destroy", name] if _state(here, name) and _play(here)["destroy"]:
            print(f"libxl: error: {_play(here)['destroy']}", file=sys.stderr)
            return 1
        case ["destroy", name] if _state(here, name):
            (here / "domains" / name).unlink()
            return 0
        case ["domid" | "list" | "unpause" | "console" | "destroy", name]:
            print(f"{name} is an invalid domain identifier (rc=-6)", file=sys.stderr)
            return 1
    print(f"xl: unknown command {argv}", file=sys.stderr)
    return 64


def _play(here: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((here / "play.json").read_text())
    return found


def _state(here: Path, name: str) -> str:
    """Of one whose boot loader runs it is `loading N UNTIL`; it goes on by itself."""
    path = here / "domains" / name
    if not path.exists():
        return ""
    state, _, *until = path.read_text().split()
    return "running" if until and time.time() > float(until[0]) else state


def _put(here: Path, name: str, state: str) -> None:
    """At once: another process of ours may be reading it."""
    growing = here / f"{name}.{os.getpid()}"
    growing.write_text(state)
    growing.rename(here / "domains" / name)


def _create(here: Path, config: Path, state: str) -> int:
    text = config.read_text()
    (here / f"created{len(list(here.glob('created*')))}").write_text(text)
    settings: dict[str, object] = {}
    # xl's own syntax is near enough to Python's for what we write.
    exec(re.sub(r"^#.*$", "", text, flags=re.MULTILINE), {}, settings)
    name, disks, why = str(settings["name"]), settings["disk"], str(_play(here)["create"])
    if (here / "domains" / name).exists():
        why = f"Domain with name {name} already exists."
    for disk in disks if isinstance(disks, list) else ["?"]:
        given = dict(word.split("=", 1) for word in str(disk).split(", "))
        data = Path(given["target"])
        if not data.exists():
            why = f"Disk {data} does not exist."
        elif given["format"] == "qcow2" and data.read_bytes()[:4] != b"QFI\xfb":
            why = f"{data} is no qcow2."
    if why:
        print(f"libxl: error: {why}", file=sys.stderr)
        return 3
    _put(here, name, f"{state} 0")
    return 0


def _console(here: Path, name: str) -> int:
    if _state(here, name) == "loading":
        # That of the boot loader, which nobody is led away from when it has run.
        os.write(1, b"pyGRUB  version 0.7")
        while (here / "domains" / name).exists():
            time.sleep(0.05)
        return 0
    while _state(here, name) == "paused":
        time.sleep(0.02)
    path = here / "domains" / name
    play, turn = _play(here), int(path.read_text().split()[1])
    says = play["says"]
    assert isinstance(says, list)
    try:
        os.write(1, str(says[min(turn, len(says) - 1)]).encode() if says else b"")
    except BrokenPipeError:
        return 0
    if turn < len(says) - 1 or play["then"] == "restart":
        _put(here, name, f"loading {turn + 1} {time.time() + 1}")  # the machine restarts, and the console ends
        return 0
    if play["then"] == "end":
        path.unlink(missing_ok=True)
        return 0
    while path.exists():
        time.sleep(0.05)
    return 0
