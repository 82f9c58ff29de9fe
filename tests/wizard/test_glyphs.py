"""No screen holds a character that the consoles' fonts lack.

tests/data/console-glyphs.txt is what both Uni2-Terminus16 and Lat15-Fixed16 of Debian's console-setup hold, read from the fonts'
own Unicode tables: python -m tests.wizard.fonts FONT.psf.gz ... > tests/data/console-glyphs.txt
"""

import pytest

from tests.wizard.driving import DATA
from xeninstall.wizard.kit.language import LANGUAGES, catalog

GLYPHS = set((DATA / "console-glyphs.txt").read_text(encoding="utf-8")) - {"\n"} | {" "}


def lacking(text: str) -> set[str]:
    return set(text) - GLYPHS - {"\n"}


def test_the_fonts_have_frames_and_german_letters_but_no_blocks() -> None:
    assert not lacking("─│┌┐└┘äöüßÄÖÜ")
    assert lacking("▀▊✓") == set("▀▊✓")


@pytest.mark.parametrize("path", sorted((DATA / "screens").rglob("*.txt")), ids=lambda path: path.stem)
def test_no_golden_screen_holds_a_glyph_that_a_console_lacks(path: object) -> None:
    assert not lacking(path.read_text(encoding="utf-8"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_no_text_in_any_language_does_either(code: str) -> None:
    for source, translation in catalog(code).items():
        assert not lacking(source + translation), source
