"""Answers that do not apply at the moment: put away when their question goes, and back when it comes again, so that nothing
has to be typed twice. The rules refuse them in the draft, such as a gateway beside DHCP.
"""

from xeninstall.answers.sections import INSTALLATION

from .kit import Session

# Whose tables of the answers each flow's are; all others are of every flow.
_TABLES = {"install": INSTALLATION, "convert": ("convert",)}


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


def only_flow(session: Session, name: str) -> None:
    """The answers of this flow in force, those of others put away: a file with both is refused."""
    if session.draft.get("flow") != name:
        session.reviewed = False
    for flow, tables in _TABLES.items():
        for table in tables:
            kept = f"{flow}:{table}"  # a step may have put away something of the table under its own name
            if flow != name and session.draft.given(table):
                session.shelf[kept] = session.draft.get(table)
                session.draft.set(table, None)
            elif flow == name and kept in session.shelf:
                session.draft.set(table, session.shelf.pop(kept))
    session.draft.set("flow", None if name == "install" else name)
