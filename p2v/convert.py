"""A conversion, stage by stage: open the disks, map them, lay out the images, see that there is room, copy, finish."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Event, Finished, Note, Progress, StageFinished, StageStarted
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size

from .blockmap.detect import Subject, map_disks
from .blockmap.model import DiskMap
from .copy import Copy, Outcome
from .layout.joined import Joined
from .layout.read import read_layouts
from .request import PAGE_FILES, Request, goals
from .sink.file import partial_of
from .source.device import open_source
from .task import Task, begun, new_task, open_sink, resume_task
from .types import BlockMap, DiskReader

_AT_ONCE = 4
PART = ": "  # in the stage of a progress event, between the stage and the image that it tells of


def convert(request: Request, runner: Runner, emit: Emit, stop: threading.Event) -> None:
    """Make the images. Raises Error; what was `Stopped` goes on with the same request and `resume` set."""
    goals(request)  # what is wrong with it is said before a disk is opened
    with ExitStack() as stack:
        convert_disks(request, open_disks(request, runner, stack), runner, emit, stop)


def convert_disks(request: Request, readers: Sequence[DiskReader], runner: Runner, emit: Emit, stop: threading.Event) -> None:
    """The same with disks that are open already, in the order of the request: what repairs have been laid over, for one."""
    began = time.monotonic()
    planned = goals(request)
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            emit(event)

    with ExitStack() as stack:
        fresh = [goal for goal in planned if not (request.resume and begun(goal))]
        wanted = {number for goal in fresh for number in goal.disks}
        maps = _map_all(request, readers, wanted, runner, tell)
        tasks = [
            new_task(request, goal, readers, maps, stack) if goal in fresh else resume_task(request, goal, readers, stack)
            for goal in planned
        ]
        copying = time.monotonic()
        tell(StageStarted("copy", f"Copying to {', '.join(task.goal.name for task in tasks)}", 2, 2))
        outcomes = copy_all(tasks, lambda task, told: _copy_one(task, runner, told, request.limit, stop), tell, stop)
        tell(StageFinished("copy", time.monotonic() - copying))
        lost = _tell_losses(tasks, outcomes, readers, runner, tell)
    facts = {task.goal.name: _fact(task, outcome) for task, outcome in zip(tasks, outcomes, strict=True)}
    tell(Finished(time.monotonic() - began, facts))
    if lost:
        raise Error(
            f"some of the source could not be read; zeros stand in its place: {'; '.join(lost)}",
            hint="the image is complete but for that; the files that were hit are named above",
        )


def _tell_losses(
    tasks: Sequence[Task], outcomes: Sequence[Outcome], readers: Sequence[DiskReader], runner: Runner, emit: Emit
) -> list[str]:
    if not any(outcome.bad for outcome in outcomes):
        return []
    # What most conversions never need is loaded when they do: starting is a good part of a fast conversion.
    from .losses import tell_losses

    return tell_losses(tasks, outcomes, readers, runner, emit)


def open_disks(request: Request, runner: Runner, stack: ExitStack) -> list[DiskReader]:
    """The disks of a request, in its order, until the stack ends. Raises Error."""
    return [_open(disk, request, runner, stack) for disk in request.disks]


def _open(disk: str, request: Request, runner: Runner, stack: ExitStack) -> DiskReader:
    if request.overlay is None:
        return stack.enter_context(open_source(disk, allow_mounted=request.allow_mounted))
    from .source.overlay import overlay

    changed = overlay(disk, Path(request.overlay), runner, writable=False, allow_mounted=request.allow_mounted)
    return stack.enter_context(stack.enter_context(changed).reader())


def map_sources(
    readers: Sequence[DiskReader], runner: Runner, *, everything: bool = False, drop_page_files: bool = False
) -> list[DiskMap]:
    """The maps of open disks. One that is mounted for writing changes while it is read, so that no map of it is true."""
    joined = Joined(readers)
    subjects = [
        Subject(
            reader.shown,
            "it is mounted for writing, and changes while it is copied"
            if reader.mounted
            else "all of it was asked for"
            if everything
            else "",
            reader.holes(),
        )
        for reader in readers
    ]
    return map_disks(subjects, joined, read_layouts(joined, readers), runner, drop_page_files=drop_page_files)


def _map_all(request: Request, readers: Sequence[DiskReader], wanted: set[int], runner: Runner, emit: Emit) -> list[DiskMap]:
    began = time.monotonic()
    emit(StageStarted("map", f"Looking at {', '.join(request.disks)}", 1, 2))
    nothing = [DiskMap(BlockMap(reader.size_bytes, ()), (), "none", (), ()) for reader in readers]
    # Where every image was begun already, an earlier run's journals have the maps.
    options = {"everything": request.everything, "drop_page_files": PAGE_FILES in request.drop}
    found = map_sources(readers, runner, **options) if wanted else nothing
    for number in sorted(wanted):
        reader, disk_map = readers[number], found[number]
        for remark in disk_map.remarks:
            emit(Note(f"{reader.name}: {remark}", warning=True))
        for volume in disk_map.volumes:
            if volume.whole_because and not request.everything:
                emit(Note(f"{reader.name}, {volume.name}: copied whole, since {volume.whole_because}"))
            for file in volume.dropped:
                emit(Note(f"{reader.name}, {volume.name}: {format_size(file.size_bytes)} of {file.name} are left out"))
    emit(StageFinished("map", time.monotonic() - began, skipped=not wanted))
    return found


def copy_all(
    tasks: Sequence[Task], one: Callable[[Task, Callable[[int], None]], Outcome], emit: Emit, stop: threading.Event
) -> list[Outcome]:
    """Every image at the same time, `one` by one; progress for each and for all. The first that fails stops the others."""
    total = sum(task.disk_bytes for task in tasks)
    done = [0] * len(tasks)

    def copy(number: int) -> Outcome:
        task = tasks[number]

        def tell(disk_bytes: int) -> None:
            done[number] = disk_bytes
            if len(tasks) > 1:
                emit(Progress(f"copy{PART}{task.goal.name}", disk_bytes, task.disk_bytes))
            emit(Progress("copy", sum(done), total))

        return one(task, tell)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(copy, number) for number in range(len(tasks))]
        try:
            # The main thread is where Ctrl+C arrives: it must not sit in one long wait.
            while not all(future.done() for future in futures):
                stop.wait(0.05) if not stop.is_set() else time.sleep(0.05)
                if any(future.done() and future.exception() for future in futures):
                    stop.set()
        except BaseException:
            stop.set()
            raise
    problems = [problem for future in futures if (problem := future.exception())]
    if problems:
        # The first to fail is why the others were stopped.
        raise next((problem for problem in problems if "the copy was stopped" not in str(problem)), problems[0])
    return [future.result() for future in futures]


def _copy_one(task: Task, runner: Runner, tell: Callable[[int], None], limit: int | None, stop: threading.Event) -> Outcome:
    if task.is_copied:
        assert task.journal is not None
        record = task.journal.record
        outcome = Outcome(record.length_bytes or 0, task.disk_bytes, 0.0, tuple(record.bad), record.manifest)
    else:
        sink = open_sink(task)
        try:
            outcome = Copy(task.writer, task.readers, sink, task.journal, tell=tell, limit=limit, stop=stop).run()
        finally:
            sink.close()
    if task.format.by_qemu and task.goal.path is not None and not task.goal.path.exists():
        _by_qemu(task, runner)
    return outcome


def _by_qemu(task: Task, runner: Runner) -> None:
    raw, image = task.written_to, task.goal.path
    assert raw is not None and image is not None
    growing = partial_of(image)
    growing.unlink(missing_ok=True)
    runner.run(["qemu-img", "convert", "-f", "raw", "-O", task.format.by_qemu, str(raw), str(growing)])
    growing.rename(image)
    raw.unlink()


def _fact(task: Task, outcome: Outcome) -> str:
    return f"{format_size(outcome.image_bytes)} from {format_size(task.disk_bytes)} in use"
