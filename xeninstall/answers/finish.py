"""What the boot medium does when it is done."""

from enum import StrEnum

from pydantic import Field

from .fields import Section


class After(StrEnum):
    """What happens after a headless installation."""

    REBOOT = "reboot"
    POWEROFF = "poweroff"
    STAY = "stay"


class Finish(Section):
    """The end of an unattended installation by the boot medium; `xeninstall install` leaves this machine as it is."""

    after: After = Field(
        After.REBOOT,
        description="After a successful unattended installation: reboot into the host, poweroff, or stay. "
        "After a failure the machine always stays, and says why.",
    )
