"""Makes Textual's own drawing fit for console fonts: scroll bars are blanks in reverse, frames are plain lines."""

from textual.scrollbar import ScrollBar, ScrollBarRender


class BlankBars(ScrollBarRender):
    """Without the eighth blocks, which none of Debian's console fonts has."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8
    BLANK_GLYPH = " "


def use_console_glyphs() -> None:
    """For every scroll bar of the process."""
    ScrollBar.renderer = BlankBars
