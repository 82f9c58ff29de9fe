"""Events as lines: moving on a terminal, one a stage elsewhere, JSON for machines."""

import io
import json

import pytest

from xeninstall.base.events import Event, Failed, Finished, Note, Progress, StageFinished, StageStarted
from xeninstall.verbs.progress import Lines, json_lines

_RUN: tuple[Event, ...] = (
    StageStarted("unpack", "System", 6, 11),
    Progress("unpack", 0, 2**30),
    Progress("unpack", 2**29, 2**30),
    Progress("unpack", 2**30, 2**30),
    StageFinished("unpack", 5.25),
    StageFinished("boot", 0.0, skipped=True),
    Note("look at this", warning=True),
    Failed("verify", "it broke", "mend it", 1),
    Finished(65, {}),
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_each_stage_is_a_line_and_bytes_are_silent() -> None:
    lines = Lines(out := io.StringIO())
    for event in _RUN:
        lines(event)
    assert out.getvalue().splitlines() == [
        "[ 6/11] System                  5.2 s",
        "[done ] boot: by an earlier run",
        "        Warning: look at this",
        "[ 6/11] System               FAILED (verify)",
        "Done in 1 min 05 s.",
    ]


def test_a_terminal_sees_percent_rate_and_time_left_within_80_columns() -> None:
    out = _Terminal()
    lines = Lines(out)
    for event in _RUN:
        lines(event)
    painted = out.getvalue().replace("\n", "\r").split("\r")
    assert any("100 %" in line and "/s" in line and "left" in line for line in painted)
    assert max(map(len, painted)) <= 80


def test_a_serial_line_is_not_drowned_in_repaints() -> None:
    out = _Terminal()
    lines = Lines(out)
    lines(StageStarted("unpack", "System", 6, 11))
    for done in range(10_000):
        lines(Progress("unpack", done, 10_000))
    assert out.getvalue().count("\r") < 30


def test_nothing_to_do_is_no_division_by_zero() -> None:
    lines = Lines(_Terminal())
    lines(StageStarted("unpack", "System", 6, 11))
    lines(Progress("unpack", 0, 0))


def test_for_machines_each_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    for event in _RUN:
        json_lines(event)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["event"] for one in told] == [type(event).__name__ for event in _RUN]
