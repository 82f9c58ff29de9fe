"""Changes carried out on the running host, by the same writers that an installation uses."""

from collections.abc import Callable
from pathlib import Path

from xeninstall.apply.host_files import carry_out, remove
from xeninstall.base.errors import Error
from xeninstall.base.run import Runner
from xeninstall.plan.model import Remove

from .changes import Changes
from .undo import Undo

UNDO_SECONDS = 90


def apply(
    changes: Changes,
    answers: str,
    runner: Runner,
    root: Path = Path("/"),
    *,
    seconds: int = UNDO_SECONDS,
    say: Callable[[str], None] = lambda text: None,
) -> bool:
    """Do it; returns whether it now waits to be confirmed, as everything does that may cut the host off.

    When a file cannot be written or a service refuses, the old files come back at once. Raises Error.
    """
    if changes.empty:
        return False
    undo = Undo(runner, root)
    undo.arm(changes, answers, seconds if changes.cuts else _PATIENT_SECONDS)
    try:
        with undo.holding():
            for change in changes.files:
                say(change.path)
                carry_out(root, change.action)
            for argv in changes.commands:
                say(" ".join(argv))
                runner.run(argv)
    except (Error, OSError) as error:
        what = error.message if isinstance(error, Error) else f"{error.filename or root}: {error.strerror}"
        undo.back()
        raise Error(f"the old settings are back, since a step failed: {what}", hint="mend that, then apply again") from error
    if changes.password is not None:
        # Last, since it is not undone: the old hash is kept nowhere.
        say("chpasswd")
        runner.run(["chpasswd", "--encrypted"], stdin=f"root:{changes.password.get_secret_value()}\n".encode())
        remove(root, Remove(path="/etc/shadow-"))
    if not changes.cuts:
        undo.confirm()
    return changes.cuts


# Long enough for an initramfs on a slow machine; the timer is only there for the case that we die.
_PATIENT_SECONDS = 1800
