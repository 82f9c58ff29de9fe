"""Lists to move in: plain rows to pick from, `( )` choices and `[x]` marks. Drawn by hand, so that every terminal can show them.

The row at hand is reversed while the list has the focus. Up and down leave the list at its ends, so that a screen can be
walked through with the arrow keys alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from .changed import Changed
from .plain import plain

_GREY = Style(dim=True)
_LOUD = Style(bold=True, color="red")
_PLAIN = Style()


@dataclass(frozen=True)
class Row:
    """One row: what it stands for, its text and further lines below; `why_not` greys it and says the reason; `loud` warns."""

    value: str
    text: str
    more: tuple[str, ...] = ()
    why_not: str = ""
    loud: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything to draw, without the mark."""
        return (self.text, *self.more, *((self.why_not,) if self.why_not else ()))


class Rows(ScrollView, can_focus=True):
    """Rows of which one is at hand; Enter or Space picks it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "up", show=False),
        Binding("down", "down", show=False),
        Binding("home", "to(0)", show=False),
        Binding("end", "to(-1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("space", "pick", show=False),
        Binding("enter", "pick(True)", show=False),
    ]
    MARK_CELLS = 0
    INDENT_CELLS = 3  # of the further lines of a row
    cursor: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class Picked(Message):
        """A row was picked. `entered` when by Enter, which also means "and on"."""

        rows: "Rows"
        row: Row
        entered: bool

        @property
        def control(self) -> "Rows":
            """For `@on(Rows.Picked, "#id")`."""
            return self.rows

    @dataclass
    class Moved(Message):
        """Another row is at hand."""

        rows: "Rows"
        row: Row

        @property
        def control(self) -> "Rows":
            """For `@on(Rows.Moved, "#id")`."""
            return self.rows

    def __init__(self, rows: Iterable[Row] = (), *, key: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.key = key
        self.rows: list[Row] = list(rows)
        self._lines: list[tuple[int, int]] = []  # line on screen → (row, line of the row)
        self._arrange()

    # ---- content

    def show_rows(self, rows: Iterable[Row], *, at: str | None = None) -> None:
        """Other rows; the row at hand stays where its value is still there, or is the one named."""
        before = at if at is not None else (self.at_hand.value if self.at_hand else None)
        self.rows = list(rows)
        self._arrange()
        values = [row.value for row in self.rows]
        self.cursor = values.index(before) if before in values else 0
        self.refresh(layout=True)
        self._show_cursor()

    @property
    def at_hand(self) -> Row | None:
        """The row that the cursor is on."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def _arrange(self) -> None:
        self._lines = [(index, line) for index, row in enumerate(self.rows) for line in range(len(row.lines))]
        self.virtual_size = Size(1, len(self._lines))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are, for `height: auto`."""
        return max(len(self._lines), 1)

    # ---- moving

    def action_up(self) -> None:
        """To the row above, or out of the list."""
        if self.cursor > 0:
            self.cursor -= 1
        else:
            self.screen.focus_previous()

    def action_down(self) -> None:
        """To the row below, or out of the list."""
        if self.cursor < len(self.rows) - 1:
            self.cursor += 1
        else:
            self.screen.focus_next()

    def action_to(self, index: int) -> None:
        """To the first row (0) or the last (-1)."""
        self.cursor = 0 if index == 0 else max(len(self.rows) - 1, 0)

    def action_page(self, direction: int) -> None:
        """A window's height up or down."""
        page = max(self.size.height - 1, 1)
        self.cursor = min(max(self.cursor + direction * page, 0), max(len(self.rows) - 1, 0))

    def watch_cursor(self, before: int, now: int) -> None:
        """Keep the row at hand in view."""
        if not self.is_mounted:
            return
        for place, (row, _) in enumerate(self._lines):
            if row in (before, now):
                self.refresh_lines(place)
        self._show_cursor()
        if before != now and self.at_hand is not None:
            self.post_message(self.Moved(self, self.at_hand))

    def _show_cursor(self) -> None:
        places = [number for number, (row, _) in enumerate(self._lines) if row == self.cursor]
        if places:
            region = Region(0, places[0], 1, len(places))
            self.call_after_refresh(self.scroll_to_region, region, animate=False, force=True, immediate=True)

    # ---- picking

    def action_pick(self, entered: bool = False) -> None:
        """Pick the row at hand; one that cannot be picked has its reason on the screen already."""
        row = self.at_hand
        if row is not None and not row.why_not:
            self.pick(row, entered=entered)

    def pick(self, row: Row, *, entered: bool) -> None:
        """What picking means for this kind of list."""
        self.post_message(self.Picked(self, row, entered))

    # ---- drawing

    def mark(self, row: Row) -> str:
        """What stands before a row."""
        return ""

    def render_line(self, y: int) -> Strip:
        """One line of a row, or nothing below the last."""
        width = self.size.width
        number = y + round(self.scroll_offset.y)
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        index, line = self._lines[number]
        row = self.rows[index]
        before = f"{self.mark(row):<{self.MARK_CELLS}}" if line == 0 else " " * (self.MARK_CELLS + self.INDENT_CELLS)
        end = self._end_mark(y)
        text = f"{before}{plain(row.lines[line])}"[: width - 2].ljust(width - 2)
        at_hand = index == self.cursor and self.has_focus
        style = _GREY if row.why_not else _LOUD if row.loud else _PLAIN
        if at_hand:
            style = Style(reverse=True, bold=not row.why_not)
        strip = Strip([Segment(f"{text} ", self.rich_style + style), Segment(end, self.rich_style)])
        return strip.adjust_cell_length(width, self.rich_style)

    def _end_mark(self, y: int) -> str:
        """`^` and `v` where more rows lie above and below; a letter costs nothing on any terminal."""
        if y == 0 and self.scroll_offset.y > 0:
            return "^"
        if y == self.size.height - 1 and self.scroll_offset.y + self.size.height < len(self._lines):
            return "v"
        return " "


def pick_by_digit(rows: Rows, event: object) -> None:
    """A key press that is the digit in front of a row picks it."""
    key = str(getattr(event, "key", ""))
    if key.isdecimal() and 0 < int(key) <= len(rows.rows):
        rows.cursor = int(key) - 1
        rows.action_pick()


class Choice(Rows):
    """`(*)`: one of several. Space or Enter chooses the row at hand; Enter also goes on, which the screen does (`go_on`)."""

    MARK_CELLS = 4

    def __init__(self, rows: Iterable[Row], *, chosen: str | None, key: str = "", id: str | None = None) -> None:
        super().__init__(rows, key=key, id=id)
        self.chosen = chosen
        values = [row.value for row in self.rows]
        self.set_reactive(Rows.cursor, values.index(chosen) if chosen in values else 0)

    def mark(self, row: Row) -> str:
        """`(*)` or `( )`; `---` where the row cannot be chosen."""
        return "---" if row.why_not else f"({'*' if row.value == self.chosen else ' '})"

    def pick(self, row: Row, *, entered: bool) -> None:
        """Choose it."""
        if self.chosen != row.value:
            self.chosen = row.value
            self.refresh()
            self.post_message(Changed(self, self.key, row.value))
        super().pick(row, entered=entered)


def go_on(event: Rows.Picked) -> None:
    """Enter on a choice also means "and on". For the screen, which by then has shown or hidden what depends on it.

    In the order of the document: Textual's own goes by places on the screen, which what was just shown has not got yet.
    """
    rows = event.rows
    if event.entered and isinstance(rows, Choice):
        shown = [one for one in rows.screen.query("*") if one.focusable and all(node.display for node in one.ancestors_with_self)]
        after = shown[shown.index(rows) + 1 :] if rows in shown else []
        if after:
            after[0].focus()


class Picks(Rows):
    """`[x]`: any of several. Space or Enter marks the row at hand; `fixed` ones stay marked."""

    MARK_CELLS = 4

    def __init__(
        self, rows: Iterable[Row], *, marked: Sequence[str], fixed: Sequence[str] = (), key: str = "", id: str | None = None
    ) -> None:
        super().__init__(rows, key=key, id=id)
        self.marked, self.fixed = list(marked), tuple(fixed)

    def mark(self, row: Row) -> str:
        """`[x]` or `[ ]`; `---` where the row cannot be marked."""
        return "---" if row.why_not else f"[{'x' if row.value in self.marked else ' '}]"

    def pick(self, row: Row, *, entered: bool) -> None:
        """Mark it, or take the mark away."""
        if row.value not in self.fixed:
            was = row.value in self.marked
            wanted = {*self.marked} - {row.value} if was else {*self.marked, row.value}
            self.marked = [one.value for one in self.rows if one.value in wanted]
            self.refresh()
            self.post_message(Changed(self, self.key, list(self.marked)))
        super().pick(row, entered=entered)


class Check(Picks):
    """One `[x]` with its text; its value is true or false."""

    def __init__(self, text: str, *, checked: bool, key: str = "", id: str | None = None) -> None:
        super().__init__([Row("yes", text)], marked=["yes"] if checked else [], id=id)
        self._bool_key = key

    @property
    def checked(self) -> bool:
        """Whether it is marked."""
        return bool(self.marked)

    def pick(self, row: Row, *, entered: bool) -> None:
        """Turn it over."""
        self.marked = [] if self.marked else ["yes"]
        self.refresh()
        self.post_message(Changed(self, self._bool_key, self.checked))
