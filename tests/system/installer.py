"""The command line as users run it: a subprocess whose events are watched, and which can be killed at any of them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
SEED = "5eed5eed5eed5eed5eed5eed5eed5eed"

Event = dict[str, Any]
Moment = Callable[[Event], bool]


@dataclass
class Run:
    """How a run of `xeninstall` went."""

    status: int
    stdout: str
    stderr: str
    events: list[Event] = field(default_factory=list)

    @property
    def last_stage(self) -> str:
        """The stage that was begun last."""
        return next((str(event["stage"]) for event in reversed(self.events) if event["event"] == "StageStarted"), "")


def xeninstall(*arguments: str | Path, prefix: Sequence[str] = (), stdin: str = "", timeout: float = 120) -> Run:
    """Run to the end."""
    done = subprocess.run(
        [*prefix, *command(*arguments)], input=stdin, capture_output=True, text=True, cwd=REPOSITORY, timeout=timeout, check=False
    )
    return Run(done.returncode, done.stdout, done.stderr)


def install(
    answers: Path,
    target: Path,
    system: Path,
    *more: str,
    until: Moment | None = None,
    after_seconds: float | None = None,
    send: int = signal.SIGKILL,
) -> Run:
    """Install, with JSON events. At the first event that `until` holds for, or after a time, the process gets the signal."""
    process = subprocess.Popen(
        # A test run that was put into the background ignores SIGINT, and so would what it starts.
        ["env", "--default-signal=INT", *command("install", answers, "--target", target, "--system", system, "--json", *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None and process.stderr is not None
    clock = threading.Timer(after_seconds or 0, process.send_signal, (send,))
    events: list[Event] = []
    with process:
        try:
            if after_seconds is not None:
                clock.start()
            for line in process.stdout:
                events.append(json.loads(line))
                if until is not None and until(events[-1]):
                    process.send_signal(send)
                    until = None
            stderr = process.stderr.read()
        except BaseException:
            process.kill()
            raise
        finally:
            clock.cancel()
    return Run(process.returncode, "", stderr, events)


def command(*arguments: str | Path) -> list[str]:
    """The argument list of the command under test."""
    return [sys.executable, "-m", "xeninstall", *(str(argument) for argument in arguments)]


def at(kind: str, stage: str) -> Moment:
    """The moment of an event of this kind in this stage."""
    return lambda event: event["event"] == kind and event.get("stage") == stage


def leftovers(target: Path) -> list[str]:
    """Mounts and loop devices that a run onto this target has left."""
    out = subprocess.run(["losetup", "--noheadings", "--output", "NAME", "--associated", target], capture_output=True, text=True)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    place = place_of(target)
    return [*out.stdout.split(), *(point for point in mounts if point == place or point.startswith(place + "/"))]


def place_of(target: Path) -> str:
    """Where the product keeps a run's mounts, asked of the product."""
    from xeninstall.apply.target import place_of as product_place_of

    return str(product_place_of(os.fspath(target)))
