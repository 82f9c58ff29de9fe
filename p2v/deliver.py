"""A conversion to a target, stage by stage: log in, map and reserve, send, verify, define, try and start.

What cannot be finished is removed from the target, unless it was stopped and another run can go on with it. From its definition
on the machine is whole: whatever fails then, nothing of it is removed.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol

from xeninstall.base.errors import Error, ExitCode, Stopped, UsageError
from xeninstall.base.events import Emit, Event, Finished, Note, Progress, StageFinished, StageStarted
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size

from .blockmap.model import DiskMap
from .convert import copy_all, map_sources
from .copy import Outcome
from .journal import Job, Journal
from .losses import tell_losses
from .request import PAGE_FILES, Goal, Request
from .sending import Sending
from .target.model import Delivery, Lost, NotRemoved, Peer, Target, TargetError, Wanted, WantedDisk, check_format
from .target_trial import check_trial, try_there
from .task import Task, image_length, sent_task
from .types import DiskReader
from .vm.model import Mode, VirtualMachine

_STAGES = 5  # and a sixth for a trial start


@dataclass(frozen=True)
class Order:
    """What is asked beyond the images. `mode` is None for the best that the host can."""

    machine: VirtualMachine
    storage: str = ""
    mode: Mode | None = None
    start: bool = False
    verify: bool = True
    discard: bool = False
    trial: bool = False
    marker: str = ""


@dataclass(frozen=True)
class Delivered:
    """How it ended: where the disks are, and how the machine is started, in words; empty where the target runs none."""

    peer: Peer
    places: tuple[str, ...]
    how_to_start: str
    started: bool
    tried: str = ""  # how its trial start went


class Begun(Protocol):
    """Whether something lies on the target that another run can go on with; `threading.Event` is one."""

    def set(self) -> None:
        """From now on."""

    def clear(self) -> None:
        """It is removed, or whole."""


def deliver(
    request: Request,
    order: Order,
    target: Target,
    readers: Sequence[DiskReader],
    runner: Runner,
    emit: Emit,
    stop: threading.Event,
    begun: Begun,
) -> Delivered:
    """Send open disks, in the order of the request, and make the machine of them.

    Raises Error; after `Stopped` the same request goes on with `resume` set. As long as `begun` is set there is something to go
    on with, for which changes of the disks must be kept; who resumes has set it.
    """
    began, lock = time.monotonic(), threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            emit(event)

    stages = _STAGES + order.trial
    order.machine.check()
    if order.trial:
        check_trial(order.machine, target)
    check_format(target, request.format)
    with _stage("login", f"Logging in to {target.name}", 1, stages, tell):
        peer = first_login(target, resume=request.resume)
        for remark in target.remarks:
            tell(Note(remark, warning=True))
    mode = _mode(order, peer)
    with _stage("map", f"Looking at {', '.join(request.disks)}", 2, stages, tell):
        maps = _map(request, readers, runner, tell)
        goals = [Goal((number,), None, reader.name) for number, reader in enumerate(readers)]
        wanted = tuple(_wanted(request, goal, readers, maps) for goal in goals)
        bridges = tuple(dict.fromkeys(nic.bridge for nic in order.machine.nics))
        asked = Wanted(order.machine.name, wanted, order.storage, bridges, request.resume, order.discard, order.trial)
        with _nobody_there(resume=request.resume):
            delivery = target.deliver(asked)
    if delivery.resumable:
        begun.set()
    # An earlier run's is only looked at here: what does not fit it removes nothing.
    with nullcontext() if request.resume else _removed_when_lost(delivery, begun):
        tasks = [sent_task(request, goal, readers, maps, _begin(delivery, goal)) for goal in goals]
    with _removed_when_lost(delivery, begun):
        with _stage("copy", f"Sending to {', '.join(delivery.places)}", 3, stages, tell):
            outcomes = copy_all(tasks, Sending(target, delivery, request.limit, tell, stop).send, tell, stop)
        if order.verify:
            _verify(target, delivery, tasks, stages, tell)
        with _stage("define", f"Defining {order.machine.name}", 5, stages, tell):
            how = delivery.define(order.machine, mode)
    tried = ""
    if order.trial:
        with _stage("trial", f"Starting {order.machine.name} for a trial", stages, stages, tell):
            tried = _try(delivery, order, how, tell, stop, begun)
    begun.clear()
    _hand_over(delivery, order, how)
    _finish(tasks, outcomes, readers, delivery, how if not order.start else "", runner, tell, began)
    return Delivered(peer, tuple(delivery.places), how, order.start, tried)


def first_login(target: Target, *, resume: bool = False) -> Peer:
    """The one before anything is sent. Raises Error."""
    with _nobody_there(resume=resume):
        return target.login()


@contextmanager
def _nobody_there(*, resume: bool) -> Iterator[None]:
    """When nobody answers now, there is nothing to resume but what an earlier run left."""
    try:
        yield
    except Lost as error:
        hint = "see that it is up, that the address is right and no firewall is between"
        if resume:
            raise Lost(error.message, hint=f"{hint}, then go on with --resume") from None
        raise TargetError(error.message, hint=hint) from None


def _mode(order: Order, peer: Peer) -> Mode:
    """How it runs there. Raises UsageError, TargetError."""
    if (order.start or order.trial) and not peer.modes:
        hint = f"leave {'--start' if order.start else '--trial'} out; a Xen host must have been booted with Xen"
        raise TargetError(f"{peer.name} runs no virtual machines ({peer.product})", hint=hint)
    if order.mode is not None:
        if peer.modes and order.mode not in peer.modes:
            able = ", ".join(peer.modes)
            raise TargetError(f"{peer.name} runs no {order.mode} machines", hint=f"choose --mode {able}, or leave it out")
        order.machine.check_mode(order.mode)
        return order.mode
    if order.machine.windows and peer.modes and Mode.HVM not in peer.modes:
        hint = "switch on virtualization in its firmware (VT-x, AMD-V), or choose another host"
        raise TargetError(f"{peer.name} runs no {Mode.HVM} machines, and Windows runs as nothing else", hint=hint)
    return Mode.HVM if order.machine.windows or not peer.modes else peer.modes[0]


def _map(request: Request, readers: Sequence[DiskReader], runner: Runner, emit: Emit) -> list[DiskMap]:
    maps = map_sources(readers, runner, everything=request.everything, drop_page_files=PAGE_FILES in request.drop)
    for reader, disk_map in zip(readers, maps, strict=True):
        for remark in disk_map.remarks:
            emit(Note(f"{reader.name}: {remark}", warning=True))
        for volume in disk_map.volumes:
            if volume.whole_because and not request.everything:
                emit(Note(f"{reader.name}, {volume.name}: copied whole, since {volume.whole_because}"))
    return maps


def _wanted(request: Request, goal: Goal, readers: Sequence[DiskReader], maps: Sequence[DiskMap]) -> WantedDisk:
    number = goal.disks[0]
    length = image_length(request, goal, readers, [maps[number]])
    if length is None:
        raise UsageError("how long a compressed image becomes is not known beforehand", hint="leave --compress out")
    used = maps[number].block_map.used_bytes
    return WantedDisk(readers[number].name, readers[number].size_bytes, used, length)


def _begin(delivery: Delivery, goal: Goal) -> Callable[[Job], Journal]:
    return lambda job: delivery.journal(goal.disks[0], job)


def _try(delivery: Delivery, order: Order, how: str, emit: Emit, stop: threading.Event, begun: Begun) -> str:
    """Start it for a trial: how that went. What was stopped is gone on with where the target can do so."""
    try:
        return try_there(delivery, order.machine.name, order.marker, emit, stop)
    except (Error, KeyboardInterrupt) as error:
        stopped = isinstance(error, Stopped | KeyboardInterrupt)
        if stopped and delivery.resumable:
            raise
        begun.clear()
        with suppress(Error):  # why it did not come up is what is told
            delivery.close()
        then = "; its trial was not finished:" if stopped else ": mend the cause, then"
        raise _stays(error, order, f"{then} start it with: {how}") from None


def _hand_over(delivery: Delivery, order: Order, how: str) -> None:
    """Start the machine if that is wanted, and let go of it."""
    wrong: Error | None = None
    by_hand = f"start it with: {how}" if how else ""
    then = f": {by_hand}" if how else ""
    if order.start:
        try:
            delivery.start()
            then = ", and was started"
        except (Lost, KeyboardInterrupt) as error:
            wrong = _stays(error, order, f"; whether it was started is not known: see there, or {by_hand}")
        except Error as error:
            wrong = _stays(error, order, f": mend the cause, then {by_hand}")
    try:
        delivery.close()
    except (Error, KeyboardInterrupt) as error:
        wrong = wrong or _stays(error, order, then)
    if wrong is not None:
        raise wrong


def _stays(error: Error | KeyboardInterrupt, order: Order, then: str) -> Error:
    """What failed with a machine that is whole. It is not gone on with: nothing is left to be sent."""
    hint = f"the machine {order.machine.name} is complete there and stays{then}"
    if isinstance(error, KeyboardInterrupt):
        return Error("stopped", hint=hint, exit_code=ExitCode.STOPPED)
    if isinstance(error, Stopped):
        return TargetError(error.message, hint=hint)
    error.hint = f"{error.hint}; {hint}" if error.hint else hint
    return error


@contextmanager
def _removed_when_lost(delivery: Delivery, begun: Begun) -> Iterator[None]:
    """Nothing half-done stays behind that nobody can go on with."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, Stopped | KeyboardInterrupt)
        if stopped and delivery.resumable:
            raise
        left = _abort(delivery)
        if not left:
            begun.clear()
        hint = left or "start it again: what had been made on the target was removed, but for what was written to an export"
        if isinstance(error, Error) and not stopped and left:
            error.hint = f"{error.hint}; {left}" if error.hint else left
        if isinstance(error, Stopped):
            raise TargetError(error.message, hint=hint) from None
        if isinstance(error, KeyboardInterrupt):
            raise Error("stopped", hint=hint, exit_code=ExitCode.STOPPED) from None
        raise


def _abort(delivery: Delivery) -> str:
    """Remove what is half-done; what to do about that which cannot be removed now. The failure itself is what is told first."""
    try:
        delivery.abort()
    except (Error, OSError) as error:
        left = error.places if isinstance(error, NotRemoved) else delivery.places
        return f"what had been made on the target could not be removed: look there for {', '.join(left)}"
    return ""


def _verify(target: Target, delivery: Delivery, tasks: Sequence[Task], stages: int, emit: Emit) -> None:
    done = [0] * len(tasks)
    total = sum(chunk.length for task in tasks if task.journal is not None for chunk in task.journal.record.chunks)
    with _stage("verify", f"Comparing what lies on {target.name}", 4, stages, emit):
        for number, task in enumerate(tasks):
            assert task.journal is not None

            def tell(so_far: int, _: int, number: int = number) -> None:
                done[number] = so_far
                emit(Progress("verify", sum(done), total))

            how = delivery.verify(task.goal.disks[0], task.journal, tell)
            emit(Note(f"{task.goal.name}: {how}"))


def _finish(
    tasks: Sequence[Task],
    outcomes: Sequence[Outcome],
    readers: Sequence[DiskReader],
    delivery: Delivery,
    how_to_start: str,
    runner: Runner,
    emit: Emit,
    began: float,
) -> None:
    lost = tell_losses(tasks, outcomes, readers, runner, emit) if any(outcome.bad for outcome in outcomes) else []
    facts = {place: f"{format_size(task.disk_bytes)} in use" for place, task in zip(delivery.places, tasks, strict=True)}
    facts |= {"start it with": how_to_start} if how_to_start else {}
    emit(Finished(time.monotonic() - began, facts))
    if lost:
        raise Error(
            f"some of the source could not be read; zeros stand in its place: {'; '.join(lost)}",
            hint="the machine is complete but for that; the files that were hit are named above",
        )


@contextmanager
def _stage(name: str, title: str, number: int, stages: int, emit: Emit) -> Iterator[None]:
    began = time.monotonic()
    emit(StageStarted(name, title, number, stages))
    yield
    emit(StageFinished(name, time.monotonic() - began))
