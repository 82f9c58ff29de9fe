"""What happens when the host is installed."""

from xeninstall.answers.finish import After
from xeninstall.base.run import Runner

from .console import Console

_LAST_LOOK_SECONDS = 10


def finish(after: After, console: Console, runner: Runner) -> bool:
    """Reboot or power off, after a last look that a key prolongs; returns True when the machine stays."""
    if after is After.STAY:
        console.say("The host is installed. Remove the boot medium, and reboot when you are ready.")
        return True
    doing = "Rebooting" if after is After.REBOOT else "Powering off"
    console.say("The host is installed. Remove the boot medium now, so that the machine starts from its disk.")
    if console.countdown(_LAST_LOOK_SECONDS, f"{doing} in {{seconds}} s; press a key to stay."):
        return True
    leave(after, runner)
    return False


def leave(after: After, runner: Runner) -> None:
    """Reboot or power off now."""
    runner.run(["systemctl", after.value])
