"""What a run leaves behind for people: the log, the plan and the answers on the host, and a bundle for whoever helps."""

import io
import json
import logging
import platform
import tarfile
import time
from pathlib import Path

from xeninstall import __version__
from xeninstall.base.errors import Error
from xeninstall.base.run import Runner, find_tool
from xeninstall.base.urls import without_secrets
from xeninstall.plan.model import Plan, WriteFile
from xeninstall.plan.show import show

from .host_files import inside, write_file
from .target import STATE

ON_HOST = "/var/log/xeninstall"
JOURNAL_ON_ESP = "xeninstall-journal.json"
ANSWERS_ON_ESP = "xeninstall-answers.toml"
# Where installers' own records are: on the medium and on an installed host.
PLACES = (Path("/var/log/xeninstall"), Path("/run/xeninstall"))
_BUNDLED_COMMANDS = (
    ("lsblk", "--all", "--output-all", "--json"),
    ("ip", "-json", "address"),
    ("dmesg", "--time-format=iso"),
    ("losetup", "--list"),
    ("findmnt",),
    ("xl", "info"),
    ("xl", "dmesg"),
)


def keep(root: Path, plan: Plan, answers: str, log: Path, runner: Runner) -> None:
    """Put plan, answers and the log so far into the host's /var/log/xeninstall, and the answers into /etc/xeninstall."""
    for path, text in (
        (f"{ON_HOST}/plan.txt", show(plan)),
        (f"{ON_HOST}/answers.toml", answers),
        ("/etc/xeninstall/answers.toml", answers),
        (f"{ON_HOST}/install.log", log.read_text(errors="replace") if log.is_file() else ""),
    ):
        write_file(root, WriteFile(path=path, text=text, mode=0o640))
    inside(root, ON_HOST).chmod(0o750)
    runner.run(["sync", "--file-system", str(root)])


def bundle(out: Path, extra: list[Path], runner: Runner) -> list[str]:
    """Write a gzipped tar with logs, journals and what the system says of itself; returns the names in it."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    top = f"xeninstall-logs-{stamp}"
    names: list[str] = []
    try:
        with tarfile.open(out, "x:gz") as tar:
            facts = {"xeninstall": __version__, "python": platform.python_version(), "kernel": platform.release(), "made": stamp}
            _add(tar, f"{top}/about.json", json.dumps(facts, indent=1).encode() + b"\n", names)
            files = [
                path
                for place in PLACES
                if place.is_dir()
                for path in sorted(place.iterdir())  # not deeper: the target is mounted there during a run
                if path.suffix in (".log", ".json", ".txt", ".toml")
            ]
            for path in dict.fromkeys([*files, *extra]):
                if path.is_file():
                    _add(tar, f"{top}/files/{str(path.absolute()).lstrip('/')}", path.read_bytes(), names)
            for argv in _BUNDLED_COMMANDS:
                if find_tool(argv[0]):
                    done = runner.run(argv, check=False)
                    # The kernel repeats its command line, and URLs in it may hold passwords.
                    said = without_secrets(done.stdout + done.stderr)
                    _add(tar, f"{top}/commands/{'_'.join(argv).replace('/', '_')}.txt", said.encode(), names)
    except FileExistsError:
        raise Error(f"{out} exists", hint="name another file with --output") from None
    except OSError as error:
        raise Error(f"{out} cannot be written: {error.strerror}", hint="name another place with --output") from None
    return names


def _add(tar: tarfile.TarFile, name: str, data: bytes, names: list[str]) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o600, int(time.time())
    tar.addfile(info, io.BytesIO(data))
    names.append(name)


class _Log(logging.FileHandler):
    """A log that can grow no more is no failure of its own: what fills the disk up is told by what fails on it."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leave the line out."""


def log_to(path: Path) -> logging.Handler:
    """Send everything that is narrated to a file; raises Error when it cannot be opened."""
    try:
        if path.parent == STATE:
            path.parent.mkdir(parents=True, exist_ok=True)
        handler = _Log(path, encoding="utf-8")
        path.chmod(0o600)
    except OSError as error:
        raise Error(f"the log {path} cannot be written: {error.strerror}", hint="name another target, or run as root") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger = logging.getLogger("xeninstall")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    return handler
