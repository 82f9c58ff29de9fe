"""A registry hive's file, read and changed by hivex's own programs, contained: a hostile hive meets a program without rights.

They are run, rather than the library imported, for three reasons: the library is built for the distribution's Python and not for
ours; a hive that crashes it takes a process with it and not the conversion; and a process can be kept from everything else.
"""

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.run import CommandError, Runner

from ..apply import RepairError
from .model import DeleteKey, SetValue, Value
from .reg import changes_text, parse

MAX_BYTES = 512 << 20


def read_keys(hive: bytes, keys: Sequence[str], runner: Runner) -> dict[str, dict[str, Value]]:
    """These keys with all below them; those that are missing are left out. Raises RepairError when it is no hive."""
    check(hive)
    found: dict[str, dict[str, Value]] = {}
    with _as_file(hive) as path:
        for key in keys:
            try:
                told = _run(["hivexregedit", "--export", str(path), f"\\{key}"], path, runner)
            except CommandError as error:
                if "path not found" in error.said:
                    continue
                raise _damaged(error) from None
            found |= parse(told)
    return found


def read_values(hive: bytes, key: str, runner: Runner) -> dict[str, Value]:
    """The values of one key, without what is below it. Raises RepairError when it is no hive."""
    check(hive)
    with _as_file(hive) as path:
        try:
            told = _run(["hivexsh", str(path)], path, runner, f"cd \\{key}\nlsval\n".encode())
        except CommandError as error:
            if "not found" in error.said:
                return {}
            raise _damaged(error) from None
    return parse(f"[\\]\n{told}").get("", {})


def merge(hive: bytes, changes: Sequence[SetValue | DeleteKey], runner: Runner) -> bytes:
    """The hive with the changes, read back and compared. Raises RepairError."""
    check(hive)
    with _as_file(hive) as path:
        try:
            _run(["hivexregedit", "--merge", str(path)], path, runner, changes_text(changes).encode())
        except CommandError as error:
            raise _damaged(error) from None
        after = path.read_bytes()
    _compare(after, changes, runner)
    return after


def check(hive: bytes) -> None:
    """Raises RepairError for what is no hive, or was not closed: then its log holds changes that would come over ours."""
    if len(hive) < 4096 or hive[:4] != b"regf" or len(hive) > MAX_BYTES:
        raise RepairError("the registry of the Windows system is damaged", hint="start Windows once, and shut it down")
    first, second = struct.unpack_from("<II", hive, 4)
    if first != second:
        raise RepairError(
            "the registry was not closed: the Windows system was not shut down",
            hint="start it, shut it down with: shutdown /s /f /t 0, and convert it then",
        )


def _compare(hive: bytes, changes: Sequence[SetValue | DeleteKey], runner: Runner) -> None:
    last = {(change.key.lower(), change.name.lower()): change for change in changes if isinstance(change, SetValue)}
    there = read_keys(hive, list(dict.fromkeys(change.key for change in changes)), runner)
    folded = {path.lower(): {name.lower(): value for name, value in values.items()} for path, values in there.items()}
    for (key, name), wanted in last.items():
        if folded.get(key, {}).get(name) != wanted.value:
            raise RepairError(f"the registry does not hold what was written to {wanted.key}", hint="this is a defect: report it")
    kept = {key.rsplit("\\", depth)[0] for key, _ in last for depth in range(key.count("\\") + 1)}
    for change in (one for one in changes if isinstance(one, DeleteKey)):
        if change.key.lower() in folded and change.key.lower() not in kept:
            raise RepairError(f"the registry still holds {change.key}", hint="this is a defect: report it")


def _run(argv: Sequence[str], hive: Path, runner: Runner, stdin: bytes | None = None) -> str:
    jail = [
        "bwrap",
        "--die-with-parent",
        "--new-session",
        "--unshare-net",
        "--unshare-pid",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        "/",
        "/",
    ]
    jail += ["--tmpfs", "/run", "--bind", str(hive.parent), str(hive.parent), "--"]
    return runner.run(["prlimit", "--as=4294967296", "--cpu=300", "--", *jail, *argv], stdin=stdin).stdout


class _as_file:
    def __init__(self, hive: bytes) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="p2v-hive-")
        self._path = Path(self._folder.name) / "hive"
        self._path.write_bytes(hive)

    def __enter__(self) -> Path:
        return self._path

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _damaged(error: CommandError) -> RepairError:
    return RepairError(f"the registry cannot be worked on: {error.said[-200:]}", hint="start Windows once, and shut it down")
