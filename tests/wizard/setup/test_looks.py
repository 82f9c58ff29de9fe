"""The console's own screens on terminals of many colours, of sixteen, and of none; its keys; and its texts in German."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from tests.wizard.driving import settle
from tests.wizard.screens import attributes_of, golden, strips_of, text_of
from tests.wizard.setup.hosts import console, fake, shown
from tests.wizard.test_looks import SYSTEMS, sent
from xeninstall.host.undo import Pending
from xeninstall.wizard import cards
from xeninstall.wizard.kit.language import switch
from xeninstall.wizard.setup.app import SetupConsole

# Where each screen is found: the keys from the status screen.
SCREENS = {
    "status": (),
    "apply": ("4", "ctrl+n", "ctrl+n"),
    "confirm": ("1",),
    "logs": ("7",),
    "power": ("8",),
}


@pytest.fixture(autouse=True)
def recorded_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cards are those of the recorded machine, not this one's."""
    monkeypatch.setattr(cards, "now", cards.known)


def seen(root: Path, name: str, *, no_color: bool = False) -> tuple[list[str], list[str], dict[str, bytes], set[str]]:
    """Its text, its attributes, what is sent to each kind of terminal, and the keys that do something."""

    async def run() -> tuple[list[str], list[str], dict[str, bytes], set[str]]:
        given = console(root)
        os.environ.pop("NO_COLOR", None)
        if no_color:
            os.environ["NO_COLOR"] = "1"
        async with shown(given) as pilot:
            if name == "confirm":
                assert isinstance(pilot.app, SetupConsole)
                fake(given).waiting = Pending(90, ("network",))
                pilot.app.to_menu()  # where it is the first row now
                await settle(pilot)
            for key in SCREENS[name]:
                await pilot.press(key)
                await settle(pilot)
            assert name == getattr(pilot.app.screen, "NAME", "")
            golden(pilot, f"setup/looks-{name}-{'none' if no_color else 'colour'}")
            sends = {kind: sent(strips_of(pilot), kind) for kind in SYSTEMS}
            return text_of(pilot), attributes_of(pilot), sends, set(pilot.app.screen.active_bindings)

    return asyncio.run(run())


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_in_colour_sends_the_same_to_terminals_of_many_and_of_sixteen(tmp_path: Path, name: str) -> None:
    text, attributes, to, _bound = seen(tmp_path, name)
    assert to["many"] == to["sixteen"] and not re.search(rb"[34]8;[25]", to["sixteen"])
    assert "#" not in " ".join(attributes) and len(text) == 24 and " F1 ^G " in text[23]


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_without_colour_says_the_same_and_its_focus_shows(tmp_path: Path, name: str) -> None:
    for place in ("none", "colour"):
        (tmp_path / place).mkdir()
    plain, attributes, to, _bound = seen(tmp_path / "none", name, no_color=True)
    assert plain == seen(tmp_path / "colour", name)[0]
    assert not re.search(rb"\x1b\[(?:[0-9;]*;)?[34][0-7][;m]", to["sixteen"])
    assert any("reverse" in line for line in attributes[1:]), "below the head, nothing shows where the focus is"


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_key_in_the_bottom_line_works_and_the_line_fits(
    tmp_path: Path, name: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.wizard.setup.test_looks.golden", lambda pilot, name: None)
    switch(language)
    text, _attributes, _to, bound = seen(tmp_path, name)
    assert all(len(line) <= 80 for line in text)
    keys = re.findall(r"(F\d+|Esc)?(?:^| )\^([A-Z]) ", text[23].replace("  ", " "))
    assert "C" in {letter for _, letter in keys}, "it ends before the last key"
    for key, letter in keys:
        wanted = {f"ctrl+{letter.lower()}", *([{"Esc": "escape"}.get(key, key.lower())] if key else [])}
        assert wanted <= bound, f"{key} ^{letter} does nothing"
    assert not {letter for _, letter in keys} & set("ABDEFHIJKMQSUVWXZ")
