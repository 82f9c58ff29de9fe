"""Programs that unpack or download for us, ended as soon as what they write is more than a pack may be."""

from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.events import Emit, Progress
from xeninstall.base.run import Completed, Runner

from .tree import Limits, too_big

_POLL_SECONDS = 0.2


def watched(
    runner: Runner, argv: Sequence[str], place: Path, limits: Limits, emit: Emit | None = None, more_bytes: int = 0
) -> Completed:
    """Run to the end and return how it ended, also when badly. `place` is the file or directory that it writes,
    with `more_bytes` over what the pack's files may have.
    """
    process = runner.start(argv)
    try:
        while (done := process.wait_for(_POLL_SECONDS)) is None:
            size = _size(place)
            if size > limits.bytes + more_bytes:
                raise too_big(limits)
            if emit is not None:
                emit(Progress("read", size, size))  # how much there is nobody knows yet
    except BaseException:
        process.stop()
        raise
    if _size(place) > limits.bytes + more_bytes:
        raise too_big(limits)
    return done


def _size(place: Path) -> int:
    try:
        if place.is_dir():
            return sum(path.lstat().st_size for path in place.rglob("*"))
        return place.stat().st_size
    except OSError:
        return 0  # not there yet, or just being renamed
