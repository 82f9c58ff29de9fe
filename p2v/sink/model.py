"""What stops a sink: a full or vanished target can be mended, and the copy goes on with --resume."""

import errno

from xeninstall.base.errors import Error, Stopped

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class TargetError(Error):
    """A target cannot be written to."""


def stopped(name: str, error: OSError, *, resumable: bool) -> Error:
    """What to tell of a write that failed."""
    if error.errno in _FULL:
        message, mend = f"{name} cannot take more: {error.strerror}", "make room"
    else:
        message, mend = f"writing to {name} failed: {error.strerror}", "see that the target is there and healthy"
    if not resumable:
        return TargetError(message, hint=f"{mend}, and start again")
    return Stopped(message, hint=f"{mend}, then go on with --resume")
