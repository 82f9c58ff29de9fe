"""Names of machines as files, volumes and guests can have them."""

import re

from ..sink.model import TargetError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_UNPLAIN = re.compile(r"[^A-Za-z0-9_.+-]+")


def plain(name: str) -> str:
    """A machine's name as files and volumes can have it. Raises TargetError."""
    found = _UNPLAIN.sub("-", name).strip("-.")[:48]
    if not _PLAIN.fullmatch(found):
        raise TargetError(f"no file can be named after {name[:80]!r}", hint="begin the machine's name with a letter or a digit")
    return found
