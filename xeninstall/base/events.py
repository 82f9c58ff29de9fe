"""What a run reports while it works: one stream of events that becomes a bar, a log or JSON lines."""

from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class StageStarted:
    """A stage begins; `number` counts from 1 to `total`."""

    stage: str
    title: str
    number: int
    total: int


@dataclass(frozen=True)
class StageFinished:
    """A stage ended well; `skipped` when the journal says an earlier run had done it."""

    stage: str
    seconds: float
    skipped: bool = False


@dataclass(frozen=True)
class Progress:
    """Work inside a stage, in bytes; the receiver computes rate and time left."""

    stage: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Note:
    """A line worth keeping: what was done, or that something deserves attention (`warning`)."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Failed:
    """The run ended badly: the stage, the cause, and what to do next."""

    stage: str
    message: str
    hint: str
    exit_code: int


@dataclass(frozen=True)
class Finished:
    """The run ended well; `facts` are the lines to show at the end, by name."""

    seconds: float
    facts: dict[str, str]


Event = StageStarted | StageFinished | Progress | Note | Failed | Finished
Emit = Callable[[Event], None]


def event_json(event: Event) -> dict[str, object]:
    """One event as a JSON object; `event` names its kind."""
    return {"event": type(event).__name__, **asdict(event)}
