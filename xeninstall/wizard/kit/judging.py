"""Which of the problems is shown now: `!` at the fields that have one, and one reason in words."""

from collections.abc import Iterable

from xeninstall.wizard.draft import Problem

from .field import Field
from .language import said


def reason(fields: Iterable[Field], problems: list[Problem], *, told: bool) -> str:
    """Mark the fields; the reason to show, that of the field at hand before others. `told`: Next was tried, so all count."""
    shown: list[tuple[bool, str]] = []
    claimed: set[Problem] = set()
    for field in fields:
        own = [one for one in problems if field.key and one.within(field.key) and one not in claimed]
        claimed.update(own)
        # An empty field is not complained about while one is still on the way to it.
        visible = bool(own) and (told or (field.touched and bool(field.line.value)))
        field.show_wrong(visible)
        if visible:
            shown += [(not field.line.has_focus, f"{field.label}: {said(one.text)}") for one in own]
    # Problems that no field has, such as "nobody could log in", wait until Next was tried.
    if told:
        shown += [(True, said(one.text)) for one in problems if one not in claimed]
    return min(shown, key=lambda pair: pair[0])[1] if shown else ""
