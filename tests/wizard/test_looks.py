"""The look of every step on terminals of many colours, of sixteen, and of none: what is sent, and a golden screen of each."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.color import ColorSystem
from rich.console import Console

from tests.wizard.driving import DATA, Worker, running, settle
from tests.wizard.screens import attributes_of, golden, strips_of, text_of
from tests.wizard.steps.test_review import settled
from xeninstall.answers.model import Answers
from xeninstall.base.events import Emit, Finished, Progress, StageFinished, StageStarted
from xeninstall.plan.model import Plan
from xeninstall.wizard import cards, working, zones
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.console import settings
from xeninstall.wizard.install import INSTALL, START
from xeninstall.wizard.kit import Session, Step
from xeninstall.wizard.kit.plain import plain as on_console
from xeninstall.wizard.planning import plan
from xeninstall.wizard.steps import zone

# Packs are asked about only where there are some; steps/test_packs.py looks at that.
STEPS = [step for step in [*START.steps, *INSTALL.steps] if step.NAME != "packs"]
SYSTEMS = {"many": "truecolor", "sixteen": "standard", "none": None}


class Unpacking(Worker):
    """In the middle of the copy, until it is stopped."""

    def perform(self, plan: Plan, answers: Answers, emit: Emit) -> None:
        emit(StageStarted("check", "Checks", 1, 11))
        emit(StageFinished("check", 0.3))
        emit(StageStarted("unpack", "System", 2, 11))
        emit(Progress("unpack", 450 * 2**20, 900 * 2**20))
        self.waits = True
        super().perform(plan, answers, emit)


@contextmanager
def same_each_time() -> Iterator[None]:
    """Nothing of this machine's own time zones, and no clock, is on a screen."""
    bar, table = working._bar, zones.zones(DATA / "zoneinfo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cards, "now", cards.known)
        patch.setattr(zone, "zones", lambda: table)
        patch.setattr(zone, "offset", lambda _name: "UTC+0")
        patch.setattr(working, "_bar", lambda done, total, _seconds: bar(done, total, 2.0))
        yield


def seen(step: type[Step], *, no_color: bool = False, name: str = "") -> tuple[list[str], list[str], dict[str, bytes]]:
    """Its text, its attributes, and what goes to a terminal of each kind; with a name, compared with the golden of that name."""

    async def run() -> tuple[list[str], list[str], dict[str, bytes]]:
        given: Session = settled()
        given.plan, given.work, given.done = plan(given), Unpacking(), Finished(95.0, {})
        if no_color:
            os.environ["NO_COLOR"] = "1"  # the application takes it out again when it is made
        app = Wizard(given, START, [INSTALL])
        async with running(app) as pilot:
            app.show(step)
            await pilot.pause()
            if app.focused is None:
                await pilot.press("tab")
            if name:
                golden(pilot, name)
            found = text_of(pilot), attributes_of(pilot), {kind: sent(strips_of(pilot), kind) for kind in SYSTEMS}
            given.work.stop()
            await settle(pilot)
            return found

    with same_each_time():
        return asyncio.run(run())


def sent(strips: list[object], kind: str) -> bytes:
    """What these lines become on a terminal with that many colours."""
    console = Console(color_system=SYSTEMS[kind], force_terminal=True, legacy_windows=False)  # type: ignore[arg-type]
    assert console._color_system is (ColorSystem[(SYSTEMS[kind] or "").upper()] if SYSTEMS[kind] else None)
    return "\n".join(strip.render(console) for strip in strips).encode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.NAME)
def test_a_step_in_colour_is_as_it_was_looked_at_and_sixteen_colours_are_sent_the_same(step: type[Step]) -> None:
    text, attributes, to = seen(step, name=f"looks/{step.NAME}-colour")
    # One golden for both: what is sent to a terminal of many colours is to the byte what one of sixteen gets.
    assert to["many"] == to["sixteen"]
    assert re.search(rb"\x1b\[[0-9;]*3[0-7]", to["sixteen"])
    assert not re.search(rb"[34]8;[25]", to["sixteen"])
    assert "#" not in " ".join(attributes)
    assert len(text) == 24
    assert " F1 ^G " in text[23]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.NAME)
def test_a_step_without_colour_says_the_same_and_its_focus_shows(step: type[Step]) -> None:
    plain, attributes, to = seen(step, no_color=True, name=f"looks/{step.NAME}-none")
    assert plain == seen(step)[0]
    assert not re.search("color|#", " ".join(attributes))
    assert not re.search(rb"\x1b\[(?:[0-9;]*;)?[34][0-7][;m]", to["sixteen"])
    if step.NAME != "progress":  # where nothing can be chosen while the work runs
        assert any("reverse" in line for line in attributes[1:]), "below the head, nothing shows where the focus is"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.NAME)
def test_every_key_in_the_bottom_line_works_and_has_a_twin_that_no_remote_console_swallows(step: type[Step]) -> None:
    async def run() -> tuple[str, set[str]]:
        given = settled()
        given.plan, given.work, given.done = plan(given), Unpacking(), Finished(95.0, {})
        app = Wizard(given, START, [INSTALL])
        async with running(app) as pilot:
            app.show(step)
            await pilot.pause()
            found = text_of(pilot)[23], set(app.screen.active_bindings)
            given.work.stop()
            await settle(pilot)
            return found

    foot, bound = asyncio.run(run())
    keys = re.findall(r"(F\d+|Esc)?(?:^| )\^([A-Z]) ", foot.replace("  ", " "))
    assert "C" in {letter for _, letter in keys}
    for key, letter in keys:
        assert letter == "C" or key, f"^{letter} stands alone"
        wanted = {f"ctrl+{letter.lower()}", *([{"Esc": "escape"}.get(key, key.lower())] if key else [])}
        assert wanted <= bound, f"{key} ^{letter} does nothing"
    # Taken by tmux, by lines, or by the terminal itself (Tab, Enter, Esc, flow control).
    assert not {letter for _, letter in keys} & set("ABDEFHIJKMQSUVWXZ")
    # And no key of the function row without its twin there.
    assert len(re.findall(r"F\d+|Esc", foot)) == len([key for key, _ in keys if key])


def test_every_terminal_is_told_to_be_one_of_sixteen_colours_or_none() -> None:
    kinds = {term: settings({"TERM": term}) for term in ("linux", "xterm-256color", "xterm-direct", "screen", "tmux", "vt100")}
    assert {found["TEXTUAL_COLOR_SYSTEM"] for found in kinds.values()} == {"standard"}
    assert [term for term, found in kinds.items() if "NO_COLOR" in found] == ["vt100"]


def test_there_is_a_golden_of_every_step_in_every_mode_and_no_other() -> None:
    kept = {path.stem for path in Path(DATA / "screens" / "looks").glob("*.txt")}
    assert kept == {f"{step.NAME}-{mode}" for step in STEPS for mode in ("colour", "none")}


def test_a_label_in_any_script_is_shown_without_breaking_the_screen() -> None:
    assert on_console("Müller") == "Müller"
    assert on_console("数据\x1b[2J\t✓") == "???[2J??"
