"""What a run makes in a pool, and how it is removed again.

Each thing bears the run's mark in its `other_config`, and so does the task of each call, by a header (xen-api's `context.ml`,
`get_http_other_config`). What a call made whose answer was lost is found by that: a call goes on when its connection is gone.
"""

import time

from ..vm.xva import Value
from .model import TargetError
from .xapi_calls import Calls, Refused

KEY = "p2v"
_BUSY_SECONDS = 90.0
# An import whose connection broke holds its disk until the host notices.
_BUSY = ("VDI_IN_USE", "OTHER_OPERATION_IN_PROGRESS")
_GONE = ("HANDLE_INVALID", "UUID_INVALID")


class Made:
    """Virtual machines, disks and tasks, by their labels; each label is noted before anything is asked for."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._about = calls, f"run {calls.mark}"
        self._refs: dict[tuple[str, str], list[str]] = {}  # by kind and label, as far as they are known

    def create(self, kind: str, record: dict[str, Value]) -> str:
        """A VM or a VDI; its reference. `record` has its label, and gets the mark."""
        known = self.expect(kind, str(record["name_label"]))
        configured = record["other_config"]
        assert isinstance(configured, dict)
        record = record | {"other_config": configured | {KEY: self._calls.mark}}
        ref = str(self._calls.call(f"{kind}.create", record))
        known.append(ref)
        return ref

    def expect(self, kind: str, label: str) -> list[str]:
        """Something of this label is about to be made; the references that are known of it."""
        return self._refs.setdefault((kind, label), [])

    def task(self, label: str) -> str:
        """A task for an import; its reference."""
        self.expect("task", label)
        return str(self._calls.call("task.create", label, self._about))

    @property
    def names(self) -> list[str]:
        """What there may be of it, for messages."""
        words = {"VM": "the machine", "VDI": "the disk"}
        return [f"{words[kind]} {label}" for kind, label in self._refs if kind in words]

    def keep(self) -> None:
        """All of it is whole, and its owner's: the marks go."""
        for (kind, _), refs in self._refs.items():
            for ref in refs:
                self._calls.call(f"{kind}.remove_from_other_config", ref, KEY)

    def remove(self) -> None:
        """All of it. Raises Error; then it may be called again."""
        self.remove_machines()
        self._remove("VDI")
        self.remove_tasks()

    def remove_machines(self) -> None:
        """The machines, with what attaches the disks to them; the disks stay."""
        self.await_calls()
        self._remove("VM")

    def _remove(self, kind: str) -> None:
        for own, label in [key for key in self._refs if key[0] == kind]:
            for ref in self._found(kind, label):
                self.gone(f"{kind}.destroy", ref)
            del self._refs[own, label]

    def remove_tasks(self) -> None:
        """Those that were left behind when a connection broke."""
        for own, label in [key for key in self._refs if key[0] == "task"]:
            for ref in self._calls.call("task.get_by_name_label", label):
                if self._of(ref, "task.get_name_description") == self._about:
                    end_task(self._calls, ref)
            del self._refs[own, label]

    def _found(self, kind: str, label: str) -> list[str]:
        refs = list(self._refs[kind, label])
        for ref in self._calls.call(f"{kind}.get_by_name_label", label):
            configured = self._of(ref, f"{kind}.get_other_config")
            if ref not in refs and isinstance(configured, dict) and configured.get(KEY) == self._calls.mark:
                refs.append(ref)
        return refs

    def _of(self, ref: str, call: str) -> object:
        try:
            found: object = self._calls.call(call, ref)
        except Refused as error:
            if error.code not in _GONE:
                raise
            return None
        return found

    def await_calls(self) -> None:
        """A call of ours whose answer was lost may be under way."""
        until = time.monotonic() + _BUSY_SECONDS
        while any(self._is_call(task) for task in self._calls.call("task.get_all_records").values()):
            if time.monotonic() > until:
                raise TargetError(f"{self._calls.host} does not end a call", hint="see its tasks: xe task-list")
            time.sleep(1)

    def _is_call(self, task: dict[str, object]) -> bool:
        configured = task.get("other_config")
        return task.get("status") == "pending" and isinstance(configured, dict) and configured.get(KEY) == self._calls.mark

    def gone(self, call: str, ref: str) -> None:
        """Call what removes it, until it is gone; it may be held for a moment."""
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._calls.call(call, ref)
                return
            except Refused as error:
                if error.code in _GONE:
                    return
                if error.code not in _BUSY or time.monotonic() > until:
                    raise
                time.sleep(1)


def end_task(calls: Calls, ref: str) -> None:
    """A pending one is not destroyed before it has ended, and one that nobody took up never ends by itself."""
    for name, *arguments in (("task.cancel", ref), ("task.set_status", ref, "cancelled"), ("task.destroy", ref)):
        try:
            calls.call(name, *arguments)
        except Refused:
            continue  # it has ended, or is gone
