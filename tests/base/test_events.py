"""Events as JSON lines: what they say survives the way."""

import json
from typing import get_args

import pytest

from xeninstall.base.events import Event, Failed, Finished, Note, Progress, StageFinished, StageStarted, event_json

_ONE_OF_EACH: tuple[Event, ...] = (
    StageStarted("unpack", "System", 5, 10),
    StageFinished("unpack", 1.5, skipped=True),
    Progress("unpack", 2**41, 2**42),
    Note("ein Grüß-\x1b[31mGott\n", warning=True),
    Failed("unpack", "what failed", "what to do", 1),
    Finished(12.5, {"address": "192.0.2.10/24"}),
)


@pytest.mark.parametrize("event", _ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_an_event_survives_the_way_through_json(event: Event) -> None:
    line = json.dumps(event_json(event))
    assert "\n" not in line
    fields = json.loads(line)
    kind = {one.__name__: one for one in get_args(Event)}[fields.pop("event")]
    assert kind(**fields) == event


def test_every_kind_is_tried() -> None:
    assert {type(event) for event in _ONE_OF_EACH} == set(get_args(Event))
