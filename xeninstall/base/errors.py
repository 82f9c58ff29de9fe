"""What can go wrong, as values: a message, what to do next, and the exit code. Only `cli` prints them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command, documented in xeninstall(8)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REQUIREMENTS = 3
    STOPPED = 4


class Error(Exception):
    """Something failed: `message` says what, where and why; `hint` says what to do next."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "", exit_code: ExitCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(Error):
    """The command line or an answer file cannot be used as it is."""

    exit_code = ExitCode.USAGE


class RequirementError(Error):
    """The machine or the target does not meet the requirements; nothing was written."""

    exit_code = ExitCode.REQUIREMENTS


class Stopped(Error):
    """The user stopped the run; it can be resumed."""

    exit_code = ExitCode.STOPPED
