"""A trial start in a pool: a clone of the machine, without network cards, whose text console is listened to.

begin   the halted machine is cloned (fast where disks are VHDs or qcow2s in files; on LVM it takes the disks' room once more),
        the clone made small and its cards removed; it starts, and its `vt100` console is opened
look    listens for a moment, and says what the console has told so far
end     the clone and its disks are gone; the machine's own disks are as they were sent
"""

import time
from collections.abc import Callable
from contextlib import suppress

from xeninstall.base.errors import Error

from ..listening import Listening
from ..vm.model import VirtualMachine
from ..vm.twin import twin_of
from .model import Lost, TargetError
from .tls import Trusted
from .xapi_calls import Calls, Refused
from .xapi_console import XapiConsole, console_of
from .xapi_made import Made

_CONSOLE_SECONDS = 20.0  # until the pool knows the consoles of a machine that was started
_GONE_SECONDS = 15.0  # a restart takes a moment
_MOST_RESTARTS = 3
_WAIT_SECONDS = 0.5


class XapiTrial:
    """One of a machine; `begin`, then `end` in any case, as often as it is lost."""

    def __init__(self, calls: Calls, trusted: Trusted, made: Made, vm: VirtualMachine, machine: str) -> None:
        self._calls, self._trusted, self._made, self._vm, self._machine = calls, trusted, made, vm, machine
        self.label = f"{vm.name} (p2v trial {calls.mark})"
        self._disks: list[str] = []
        self._listening: Listening | None = None
        self._clone, self._restarts = "", 0

    def begin(self, marker: str) -> None:
        """Raises TargetError, Lost; then `end` removes what there is of it, and it may be called again."""
        self.end()
        call = self._calls.call
        self._clone = clone = str(call("VM.clone", self._machine, self.label))
        call("VM.set_name_description", clone, "started for a trial by p2v, which removes it")
        for card in call("VM.get_VIFs", clone):
            call("VIF.destroy", card)
        self._make_small(clone)
        call("VM.start", clone, False, False)
        console = self._first_console(clone)
        self._listening = Listening(console, marker, self._again)
        self.look = self._listening.look

    def end(self) -> None:
        """Remove it all. Raises Error when something stays; then it may be called again."""
        if self._listening is not None:
            self._listening.end()
            self._listening = None
        self._made.await_calls()
        call = self._calls.call
        for clone in call("VM.get_by_name_label", self.label):
            self._note_disks(clone)
            if call("VM.get_power_state", clone) != "Halted":
                call("VM.hard_shutdown", clone)
            self._made.gone("VM.destroy", clone)
        while self._disks:
            self._made.gone("VDI.destroy", self._disks[-1])
            self._disks.pop()

    def _note_disks(self, clone: str) -> None:
        """Those of the clone alone: they are known no more when it is gone."""
        own = self._disks_of(self._machine)
        self._disks += [disk for disk in self._disks_of(clone) if disk not in own and disk not in self._disks]

    def _disks_of(self, machine: str) -> list[str]:
        return [str(self._calls.call("VBD.get_VDI", attached)) for attached in self._calls.call("VM.get_VBDs", machine)]

    def _make_small(self, clone: str) -> None:
        small = twin_of(self._vm, self._vm.name, ())
        memory = str(small.memory_bytes)
        self._calls.call("VM.set_memory_limits", clone, memory, memory, memory, memory)
        self._calls.call("VM.set_VCPUs_at_startup", clone, str(small.vcpus))

    def _first_console(self, clone: str) -> XapiConsole:
        until = time.monotonic() + _CONSOLE_SECONDS
        while True:
            found = console_of(self._calls, self._trusted, clone)
            if isinstance(found, XapiConsole):
                return found
            if time.monotonic() > until:
                has = f"only {', '.join(found)}" if found else "none at all"
                raise TargetError(
                    f"{self._vm.name} was not tried: {self._calls.host} has no text console of it, {has}",
                    hint="most pools have one (vt100) for paravirtual machines alone: leave --trial out, and look at its screen",
                )
            time.sleep(_WAIT_SECONDS)

    def _again(self, gone_seconds: float) -> XapiConsole | str:
        """The console ended: the machine restarts, or is gone, or the connection was lost."""
        try:
            state = self._calls.call("VM.get_power_state", self._clone)
            found = console_of(self._calls, self._trusted, self._clone) if state == "Running" else ()
        except Lost as error:
            if gone_seconds > _GONE_SECONDS:
                raise TargetError(error.message) from None
            time.sleep(_WAIT_SECONDS)
            with suppress(Lost):
                self._calls.login()
            return ""
        except (Refused, TargetError):
            found = ()
        if isinstance(found, XapiConsole):
            self._restarts += 1
            if self._restarts <= _MOST_RESTARTS:
                return found
            found.close()
            return "it starts again and again"
        if gone_seconds > _GONE_SECONDS:
            return "it ended by itself"
        time.sleep(_WAIT_SECONDS)
        return ""


def ended(trial: XapiTrial, steady: Callable[[Callable[[], None]], None]) -> None:
    """Raises TargetError that names what stays."""
    try:
        steady(trial.end)
    except Error as error:
        raise TargetError(
            f"the machine {trial.label} and its disks may be left there: {error.message}",
            hint=f"remove it there: xe vm-uninstall vm='{trial.label}'",
        ) from None
