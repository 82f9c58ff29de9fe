"""An image back onto a disk: what was in use is written, the rest of the disk is left as it is unless it is to be wiped."""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.events import Emit, Finished, Progress, StageFinished, StageStarted
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size

from .copy import Copy
from .image.model import Disk
from .image.raw import Raw
from .image.table import FORMATS
from .journal import Job, journal_of, read_journal
from .sink.device import DeviceSink
from .sink.file import FileSink
from .source.opened import open_image
from .types import Sink
from .verify import verify


@dataclass(frozen=True)
class Restoration:
    """What is asked for. `disk` counts the disks of the image from 1; None where it has only one.

    `check`: the image is verified before a byte is written. `wipe`: what the image does not tell of becomes zeros.
    """

    image: Path
    to: Path
    disk: int | None = None
    check: bool = True
    wipe: bool = False


def restore(asked: Restoration, runner: Runner, emit: Emit, stop: threading.Event) -> None:
    """Write it. Raises Error."""
    began = time.monotonic()
    image, to = asked.image, asked.to
    record = read_journal(journal_of(image))
    form = FORMATS[record.job.format]
    if not form.restorable:
        raise UsageError(f"{record.job.format} is not restored", hint="make an image of another format")
    number = _disk_number(asked, record.job)
    if asked.check:
        verify(image, runner, emit)
    elif not record.complete:
        raise UsageError(f"{image} is not complete", hint="go on with p2v convert --resume")
    block_map = record.job.sources[number].whole_map()
    with ExitStack() as stack:
        reader = stack.enter_context(open_image(image, record.job.format, form.qemu_driver, number, block_map.size_bytes, runner))
        if reader.size_bytes < block_map.size_bytes:
            raise UsageError(f"{image} is smaller than the disk that it was made of", hint="verify it")
        size = block_map.size_bytes
        sink: Sink = DeviceSink(to, size, skip_holes=not asked.wipe) if to.is_block_device() else FileSink(to)
        stack.callback(sink.close)
        emit(StageStarted("restore", f"Writing {to}", 1, 1))
        total = block_map.used_bytes
        writer = Raw(Disk(block_map))
        copy = Copy(writer, [reader], sink, None, tell=lambda done: emit(Progress("restore", done, total)), stop=stop)
        outcome = copy.run()
        emit(StageFinished("restore", outcome.seconds))
    emit(Finished(time.monotonic() - began, {str(to): f"{format_size(total)} written"}))


def _disk_number(asked: Restoration, job: Job) -> int:
    count = len(job.sources)
    if asked.disk is None:
        if count > 1:
            names = "; ".join(f"{number} is {source.name}" for number, source in enumerate(job.sources, 1))
            raise UsageError(f"{asked.image} holds {count} disks", hint=f"choose one by --disk: {names}")
        return 0
    if not 1 <= asked.disk <= count:
        raise UsageError(f"{asked.image} holds {count} disk{'s' if count > 1 else ''}, and --disk {asked.disk} is none of them")
    return asked.disk - 1
