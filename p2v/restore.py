"""An image back onto a disk: what was in use is written, the rest of the disk is left as it is unless it is to be wiped."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.events import Emit, Finished, Progress, StageFinished, StageStarted
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size

from .copy import Copy
from .image.model import Disk
from .image.raw import Raw
from .image.table import FORMATS
from .journal import journal_of, read_journal
from .sink.device import DeviceSink
from .sink.file import FileSink
from .source.file import FileReader
from .source.view import image_view
from .types import Sink
from .verify import verify


def restore(image: Path, to: Path, runner: Runner, emit: Emit, stop: threading.Event, *, check: bool, wipe: bool) -> None:
    """Write it. With `check` the image is verified before a byte is written. Raises Error."""
    began = time.monotonic()
    record = read_journal(journal_of(image))
    form = FORMATS[record.job.format]
    if not form.qemu_driver:
        hint = "unpack it with tar and restore the disks in it" if form.holds_many else "make an image of another format"
        raise UsageError(f"{record.job.format} is not restored directly", hint=hint)
    if check:
        verify(image, runner, emit)
    elif not record.complete:
        raise UsageError(f"{image} is not complete", hint="go on with p2v convert --resume")
    source = record.job.sources[0]
    with ExitStack() as stack:
        shown = image if form.qemu_driver == "raw" else stack.enter_context(image_view(image, form.qemu_driver, runner))
        reader = FileReader(shown)
        stack.callback(reader.close)
        block_map = source.whole_map()
        if reader.size_bytes < block_map.size_bytes:
            raise UsageError(f"{image} is smaller than the disk that it was made of", hint="verify it")
        sink: Sink = DeviceSink(to, block_map.size_bytes, skip_holes=not wipe) if to.is_block_device() else FileSink(to)
        stack.callback(sink.close)
        emit(StageStarted("restore", f"Writing {to}", 1, 1))
        total = block_map.used_bytes
        writer = Raw(Disk(block_map))
        copy = Copy(writer, [reader], sink, None, tell=lambda done: emit(Progress("restore", done, total)), stop=stop)
        outcome = copy.run()
        emit(StageFinished("restore", outcome.seconds))
    emit(Finished(time.monotonic() - began, {str(to): f"{format_size(total)} written"}))
