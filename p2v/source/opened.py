"""A disk inside an image, whatever the format, as a Reader."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.run import Runner

from ..types import Extent
from .file import FileReader
from .view import image_view
from .xva import XvaReader


@contextmanager
def open_image(image: Path, form: str, driver: str, disk: int, size_bytes: int, runner: Runner) -> Iterator[FileReader]:
    """Disk number `disk`, counted from 0. `driver` is what QEMU calls the format. Raises Error."""
    if form == "xva":
        with _closing(XvaReader(image, disk, size_bytes)) as reader:
            yield reader
    elif driver == "raw":
        with _closing(FileReader(image)) as reader:
            yield reader
    else:
        part = _member(image, f"disk{disk + 1}.vmdk") if form == "ova" else None
        with image_view(image, driver, runner, part) as path, _closing(FileReader(path)) as reader:
            yield reader


@contextmanager
def _closing(reader: FileReader) -> Iterator[FileReader]:
    try:
        yield reader
    finally:
        reader.close()


def _member(archive: Path, name: str) -> Extent:
    try:
        with tarfile.open(archive) as tar:
            member = tar.getmember(name)
            return Extent(member.offset_data, member.size)
    except (tarfile.TarError, KeyError, OSError) as error:
        raise UsageError(f"{archive} holds no {name} ({error})", hint="verify it") from None
