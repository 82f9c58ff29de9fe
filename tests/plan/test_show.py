"""A plan in words, on a console of 80 columns."""

import re
from typing import get_args

from tests.given import actions, image_plan, pack, plan_for
from xeninstall.plan.model import Action, Plan, RunHook, SetClock
from xeninstall.plan.show import describe, show

_MIRROR = '[disk]\nserial = "S64HNE0R501200"\n[disk.mirror]\nserial = "S64HNE0R501201"\n'


def _plans() -> list[Plan]:
    hooks = '[hooks]\nbefore_disk = "#!/bin/sh"\n[time]\nntp = "none"\nclock = 2026-11-23T20:15:00+01:00\n'
    return [
        plan_for("nvme", _MIRROR + hooks + '[packages]\nsets = ["storage"]\n[keyboard]\nlayout = "de"'),
        image_plan(packs=(pack(),)),
        image_plan('[root]\npassword_hash = "$6$salt$' + "x" * 60 + '"'),
    ]


def test_every_kind_of_action_is_put_into_words() -> None:
    shown = {type(act): describe(act, plan) for plan in _plans() for act in actions(plan)}
    assert set(shown) == set(get_args(get_args(Action)[0]))
    for lines in shown.values():
        assert lines and re.match(r"[a-z]", lines[0]) and not lines[0].endswith(".")


def test_what_is_lost_comes_before_what_is_done() -> None:
    text = show(plan_for("old-md", '[disk]\nserial = "S45NNA0M500301"'))
    assert text.index("WILL BE DESTROYED") < text.index("1. Preparation")
    assert "/dev/sda (serial S45NNA0M500301, " in text


def test_nothing_is_lost_of_a_new_image() -> None:
    assert "DESTROYED" not in show(image_plan())


def test_texts_of_files_are_shown_on_request_only() -> None:
    plan = image_plan()
    assert "policy drop" not in show(plan)
    assert "   | \t\ttype filter hook input priority filter; policy drop;\n" in show(plan, files=True)


def test_a_stage_without_work_says_so() -> None:
    assert "1. Preparation\n   nothing to do\n" in show(image_plan())


def test_words_of_single_actions() -> None:
    plan = image_plan()
    assert describe(SetClock(moment="2026-11-23T20:15:00+01:00"), plan) == ["set the clock to 2026-11-23T20:15:00+01:00"]
    assert describe(RunHook.model_validate({"name": "installed", "script": "#!/bin/sh"}), plan) == ["run the hook installed"]
