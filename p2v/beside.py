"""Small files beside an image or of a received machine: definitions, the report of repairs, maps of what could not be read."""

import os
from contextlib import suppress
from pathlib import Path

from xeninstall.base.errors import Error


def write_beside(path: Path, text: str, hint: str = "make room there, and start again") -> None:
    """Whole, or as it was before. Raises Error with the hint."""
    growing = path.with_name(f".{path.name}.partial")
    try:
        with growing.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        growing.replace(path)
    except OSError as error:
        with suppress(OSError):
            growing.unlink(missing_ok=True)
        raise Error(f"{path} cannot be written: {error.strerror}", hint=hint) from None
