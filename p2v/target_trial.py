"""A trial start on the target: what was sent runs there once without a network, and is watched until it asks for a login."""

import threading
import time

from xeninstall.base.errors import Error, Stopped, UsageError
from xeninstall.base.events import Emit, Note
from xeninstall.base.sizes import format_duration

from .target.model import Delivery, Target, Tried
from .vm.console import Seen, TrialError
from .vm.model import VirtualMachine

PATIENCE_SECONDS = 900.0


def check_trial(vm: VirtualMachine, target: Target) -> None:
    """Whether it can tell anything. Raises UsageError."""
    if not target.tries:
        raise UsageError(
            f"{target.name} starts no machine for a trial",
            hint="leave it out; xeninstall's hosts (ssh://), XCP-ng's (xapi://) and libvirt's (libvirt+ssh://) can do it",
        )
    if vm.windows:
        raise UsageError(
            "a trial start cannot tell of Windows whether it came up: it says nothing on a serial line",
            hint="leave it out, start the machine by hand and look at its screen",
        )


def try_there(delivery: Delivery, name: str, marker: str, emit: Emit, stop: threading.Event) -> str:
    """Returns how long it took, in words. Raises TrialError, Stopped."""
    assert isinstance(delivery, Tried)
    began = time.monotonic()
    emit(Note(f"starting {name} there without a network"))
    delivery.begin_trial(marker)
    try:
        _await_login(delivery, name, stop, began + PATIENCE_SECONDS)
        took = format_duration(time.monotonic() - began)
    finally:
        _end(delivery, emit)
    emit(Note(f"{name} was up after {took}"))
    return f"up after {took}"


def _await_login(delivery: Tried, name: str, stop: threading.Event, until: float) -> None:
    while True:
        found = delivery.look()
        why = found.why
        match found.seen:
            case Seen.LOGIN:
                return
            case Seen.NOTHING_YET if stop.is_set():
                raise Stopped("the trial start was stopped", hint="all was sent; go on with the same command")
            case Seen.NOTHING_YET if time.monotonic() <= until:
                continue
            case Seen.NOTHING_YET:
                why = "it did not ask for a login in time"
            case Seen.DEAD:
                pass
        raise TrialError(f"{name} does not start: {why}; its console says last: {found.said or 'nothing'}")


def _end(delivery: Tried, emit: Emit) -> None:
    """What stays of it is told, and removed by whatever is done next there with this machine."""
    try:
        delivery.end_trial()
    except Stopped:
        pass  # the connection is gone, and p2v at the other end removes it by itself
    except Error as error:
        emit(Note(f"something of the trial start could not be removed there: {error.message}", warning=True))
