"""The blocks in use of a file system, as partclone tells them: its domain map (`-D`) is in ddrescue's format."""

import re
import tempfile
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Completed, MissingTool, Runner

from ..layout.model import Content, Kind
from ..types import Extent, Extents
from .extents import normal, total

PROGRAMS = {
    Kind.EXT: "partclone.extfs",
    Kind.XFS: "partclone.xfs",
    Kind.NTFS: "partclone.ntfs",
    Kind.FAT: "partclone.fat",
    Kind.EXFAT: "partclone.exfat",
    Kind.F2FS: "partclone.f2fs",
    Kind.HFSPLUS: "partclone.hfsp",
}
_PATIENCE_SECONDS = 1200
_LINE = re.compile(r"0x([0-9A-Fa-f]{1,16})\s+0x([0-9A-Fa-f]{1,16})\s+([+?])")
_POSITION = re.compile(r"0x[0-9A-Fa-f]{1,16}\s+\?")


class MapError(Error):
    """A map could not be made, or cannot be true; the volume is copied whole. The message is the reason in a few words."""


def domain_map(view: Path, content: Content, size_bytes: int, runner: Runner) -> tuple[Extents, int]:
    """What is in use, and how far the file system reaches. Raises MapError."""
    program = PROGRAMS[content.kind]
    with tempfile.TemporaryDirectory(prefix="p2v-map-") as folder:
        file, log = Path(folder) / "map", Path(folder) / "log"
        # Without -f 0 it often ends only when its next progress line is due, a second or two later.
        argv = [program, "-D", "-s", str(view), "-O", str(file), "-L", str(log), "-q", "-B", "-f", "0"]
        try:
            done = _patiently(runner, argv)
            if done.status != 0:
                raise MapError(f"{program} failed: {_reason(log) or done.stderr.strip()[-200:] or f'status {done.status}'}")
            text = file.read_text(encoding="ascii", errors="replace")
        except MissingTool as error:
            raise MapError(f"{error.message} ({error.hint})") from None
        except OSError as error:
            raise MapError(f"{program} left no map: {error.strerror}") from None
    used, reach = parse(text, size_bytes)
    if content.used_bytes is not None and total(used) < content.used_bytes * 0.98:
        raise MapError(f"{program} found {total(used)} bytes in use, the file system itself says {content.used_bytes}")
    return used, reach


def _patiently(runner: Runner, argv: list[str]) -> Completed:
    # A damaged file system may send partclone round in circles.
    process = runner.start(argv)
    try:
        done = process.wait_for(_PATIENCE_SECONDS)
    except BaseException:
        process.stop()
        raise
    if done is None:
        process.stop()
        raise MapError(f"{argv[0]} did not end within {_PATIENCE_SECONDS // 60} minutes")
    return done


def parse(text: str, size_bytes: int) -> tuple[Extents, int]:
    """The runs marked `+`, and where the map ends. Raises MapError unless it covers its range once and without a gap."""
    found: list[Extent] = []
    reach = -1
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            # The one line that says where partclone stood.
            if reach == -1 and _POSITION.fullmatch(line):
                reach = 0
                continue
            raise MapError(f"partclone's map has a line that is none: {line[:40]!r}")
        start, length = int(match[1], 16), int(match[2], 16)
        if reach == -1 or start != reach or length == 0:
            raise MapError(f"partclone's map is not continuous at byte {start}")
        reach = start + length
        if match[3] == "+":
            found.append(Extent(start, length))
    if not found:
        raise MapError("partclone's map says that nothing is in use")
    if reach > size_bytes:
        raise MapError(f"partclone's map reaches beyond the volume, to byte {reach}")
    return normal(found), reach


def _reason(log: Path) -> str:
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    # The last line only repeats that it failed and where its log is.
    told = [line for line in lines if "Partclone fail" not in line and not line.startswith(("Partclone v", "Starting to"))]
    return told[-1][:200] if told else ""
