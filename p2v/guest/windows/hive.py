"""A registry hive's file: read by our own reader, changed by hivex's program.

The program (hivexregedit) is run, rather than the library imported, for three reasons: the library is built for the
distribution's Python and not for ours; a hive that crashes it takes a process with it and not the conversion; and a process can
be contained. What it wrote is read back by the reader that shares nothing with it.
"""

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.run import CommandError, Runner

from ...files.opened import TROUBLE
from ...files.registry import Hive
from ..apply import RepairError
from .model import DeleteKey, SetValue, Value
from .reg import changes_text

MAX_BYTES = 512 << 20


def read_keys(hive: bytes, keys: Sequence[str]) -> dict[str, dict[str, Value]]:
    """The values of these keys alone; keys that are missing are left out. Raises RepairError when it is no whole hive."""
    check(hive)
    found: dict[str, dict[str, Value]] = {}
    try:
        reader = Hive(lambda offset, length: hive[offset : offset + length])
        for key in keys:
            values = reader.raw_values(key)
            if values is not None:
                found[key] = {name: Value(*value) for name, value in values.items()}
    except TROUBLE as error:
        raise RepairError(f"the registry is damaged: {error}", hint="start Windows once, and shut it down") from None
    return found


def merge(hive: bytes, changes: Sequence[SetValue | DeleteKey], runner: Runner) -> bytes:
    """The hive with the changes, read back and compared. Raises RepairError."""
    check(hive)
    with tempfile.TemporaryDirectory(prefix="p2v-hive-") as folder:
        path = Path(folder) / "hive"
        path.write_bytes(hive)
        jail = ["bwrap", "--die-with-parent", "--new-session", "--unshare-net", "--unshare-pid", "--cap-drop", "ALL"]
        jail += ["--ro-bind", "/", "/", "--tmpfs", "/run", "--bind", folder, folder, "--"]
        argv = ["prlimit", "--as=4294967296", "--cpu=300", "--", *jail, "hivexregedit", "--merge", str(path)]
        try:
            runner.run(argv, stdin=changes_text(changes).encode())
        except CommandError as error:
            text = f"the registry cannot be changed: {error.said[-200:]}"
            raise RepairError(text, hint="start Windows once, and shut it down") from None
        after = path.read_bytes()
    _compare(after, changes)
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


def _compare(hive: bytes, changes: Sequence[SetValue | DeleteKey]) -> None:
    written = {(change.key.lower(), change.name.lower()): change for change in changes if isinstance(change, SetValue)}
    there = read_keys(hive, list(dict.fromkeys(change.key for change in changes)))
    folded = {key.lower(): {name.lower(): value for name, value in values.items()} for key, values in there.items()}
    for (key, name), wanted in written.items():
        if folded.get(key, {}).get(name) != wanted.value:
            raise RepairError(f"the registry does not hold what was written to {wanted.key}", hint="this is a defect: report it")
    again = {key for key, _ in written}
    for gone in (change for change in changes if isinstance(change, DeleteKey)):
        made_again = any(key == gone.key.lower() or key.startswith(f"{gone.key.lower()}\\") for key in again)
        if gone.key.lower() in folded and not made_again:
            raise RepairError(f"the registry still holds {gone.key}", hint="this is a defect: report it")
