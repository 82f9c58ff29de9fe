"""What happens when the host is installed."""

from xeninstall.answers.finish import After
from xeninstall.base.run import Runner

from .console import Console

_LAST_LOOK_SECONDS = 10
# Both have the same addresses.
_CONVERTED = "The machine is converted. Do not let it and the virtual machine run in one network."


def finish(after: After, console: Console, runner: Runner, *, converted: bool = False) -> bool:
    """Reboot or power off, after a last look that a key prolongs; returns True when the machine stays."""
    if after is After.STAY:
        console.say(_CONVERTED if converted else "The host is installed. Remove the boot medium, and reboot when you are ready.")
        return True
    doing = "Rebooting" if after is After.REBOOT else "Powering off"
    now = "The host is installed. Remove the boot medium now, so that the machine starts from its disk."
    console.say(_CONVERTED if converted else now)
    if console.countdown(_LAST_LOOK_SECONDS, f"{doing} in {{seconds}} s; press a key to stay."):
        return True
    leave(after, runner)
    return False


def leave(after: After, runner: Runner) -> None:
    """Reboot or power off now."""
    runner.run(["systemctl", after.value])
