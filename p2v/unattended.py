"""What the boot medium does by itself with answers whose flow is convert; found by the entry points `xeninstall.unattended`."""

import threading

from xeninstall.answers.model import Answers
from xeninstall.base.errors import RequirementError, Stopped
from xeninstall.base.events import Emit
from xeninstall.base.run import Runner, SystemRunner
from xeninstall.base.sizes import format_duration, format_size
from xeninstall.machine.model import Machine

from .preflight import Preflight, Severity
from .to_host import conversion_to


class Unattended:
    """The flow, as `xeninstall.medium.session.OtherFlow` wants it."""

    def head(self, answers: Answers, machine: Machine) -> str:
        """See OtherFlow. Everything is looked at first: what cannot work is refused before anybody waits for it."""
        conversion = conversion_to(answers.convert, machine, SystemRunner())
        found = conversion.preflight()
        check(found)
        return summary(answers, found)

    def perform(self, answers: Answers, machine: Machine, runner: Runner, emit: Emit) -> dict[str, str]:
        """See OtherFlow."""
        stop = threading.Event()
        try:
            return conversion_to(answers.convert, machine, runner).perform(emit, stop)
        except KeyboardInterrupt:
            stop.set()
            raise Stopped("the conversion was stopped", hint="the next try goes on with it") from None


def check(found: Preflight) -> None:
    """Raises RequirementError with everything that stands against the conversion."""
    against = [one for one in found.findings if one.severity is Severity.REFUSED]
    if against:
        said = "\n".join(f"{one.subject}: {one.text}" for one in against)
        hint = "; ".join(dict.fromkeys(one.remedy for one in against if one.remedy))
        raise RequirementError(f"this machine cannot be converted like this:\n{said}", hint=hint)


def summary(answers: Answers, found: Preflight) -> str:
    """What is going to be done, and what deserves attention."""
    name, target = answers.convert.name, answers.convert.target
    lines = [f"This machine becomes the virtual machine {name} at {target}; its disks are only read."]
    lines += [f"  {one.subject}: {one.text}" for one in found.findings if one.severity is Severity.GOOD]
    lines += [f"  Warning: {one.subject}: {one.text}" for one in found.findings if one.severity is Severity.WARNING]
    time = f", about {format_duration(found.seconds)}" if found.seconds is not None else ""
    lines.append(f"  {format_size(found.read_bytes)} to copy{time}")
    if found.downtime_seconds is not None:
        paces = "; ".join(pace.title for pace in found.paces)
        lines.append(
            f"  Downtime: about {format_duration(found.downtime_seconds)}, and what repairs and a trial start take ({paces})"
        )
    return "\n".join(lines)


FLOW: Unattended = Unattended()
