"""Answers that do not apply at the moment: put away when their question goes, and back when it comes again, so that nothing
has to be typed twice. The rules refuse them in the draft, such as a gateway beside DHCP.
"""

from .kit import Session


def put_away(session: Session, *keys: str) -> None:
    """Out of the draft."""
    for key in keys:
        if session.draft.given(key):
            session.shelf[key] = session.draft.get(key)
            session.draft.set(key, None)


def bring_back(session: Session, *keys: str) -> None:
    """Into the draft again, unless something was entered since."""
    for key in keys:
        kept = session.shelf.pop(key, None)
        if kept is not None and not session.draft.given(key):
            session.draft.set(key, kept)


def only(session: Session, wanted: tuple[str, ...], others: tuple[str, ...]) -> None:
    """These keys in force, the others put away."""
    put_away(session, *(key for key in others if key not in wanted))
    bring_back(session, *wanted)
