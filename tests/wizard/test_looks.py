"""The look of every step: the same words with and without colour, sixteen colours at most, and a focus that always shows."""

import asyncio
import re

import pytest

from tests.wizard.driving import driven
from tests.wizard.screens import attributes_of, text_of
from tests.wizard.steps.test_review import settled
from xeninstall.wizard.install import INSTALL, START
from xeninstall.wizard.kit import Session, Step
from xeninstall.wizard.kit.plain import plain as on_console
from xeninstall.wizard.planning import plan

# Packs are asked about only where there are some; steps/test_packs.py looks at that.
STEPS = [step for step in [*START.steps, *INSTALL.steps] if step.NAME not in ("progress", "packs")]


def shown(step: type[Step], *, no_color: bool) -> tuple[list[str], list[str]]:
    async def run() -> tuple[list[str], list[str]]:
        given: Session = settled()
        given.plan = plan(given)
        async with driven(given, step, no_color=no_color) as (pilot, screen):
            if screen.focused is None:
                await pilot.press("tab")
            return text_of(pilot), attributes_of(pilot)

    return asyncio.run(run())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.NAME)
def test_without_colour_a_step_says_the_same_and_its_focus_shows(step: type[Step]) -> None:
    in_colour, colours = shown(step, no_color=False)
    plain, attributes = shown(step, no_color=True)
    assert plain == in_colour
    assert not re.search("color|#", " ".join(attributes))
    assert any("reverse" in line for line in attributes[1:]), "below the head, nothing shows where the focus is"
    # The terminal's own sixteen, by their numbers: what `linux` and 256-colour terminals show alike.
    numbers = {int(number) for line in colours for number in re.findall(r"color\((\d+)\)", line)}
    assert numbers <= set(range(8))
    assert "#" not in " ".join(colours)
    assert len(plain) == 24
    assert plain[23].startswith(" F10 ^N ")


def test_a_label_in_any_script_is_shown_without_breaking_the_screen() -> None:
    assert on_console("Müller") == "Müller"
    assert on_console("数据\x1b[2J\t✓") == "???[2J??"
