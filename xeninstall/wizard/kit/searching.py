"""A search over a choice: what was typed is not passed over in silence when the person goes on."""

from .field import Field
from .language import _
from .rows import Choice


def only_hit(searched: Field, found: Choice) -> str | None:
    """The value of the one row that the search found, where it found but one: that is what was meant."""
    return found.rows[0].value if searched.line.value.strip() and len(found.rows) == 1 else None


def unsettled(searched: Field, found: Choice) -> str:
    """Why one cannot go on with this search: what is chosen is none of what it found. Nothing when one can."""
    text = searched.line.value.strip()
    if not text or any(row.value == found.chosen for row in found.rows):
        return ""
    if not found.rows:
        return _("Nothing is found by '{text}'. Type something else, or empty the line to go on.").format(text=text)
    return _("Several are found by '{text}': choose one with the arrow keys and Enter.").format(text=text)
