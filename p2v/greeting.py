"""Who answers at a target before anything is sent, and the room that it has: what a look before a conversion asks over there."""

from urllib.parse import urlsplit

from xeninstall.base.errors import Error

from .deliver import first_login
from .pace import Pace, of_link
from .preflight import Finding, Room, Severity
from .target.address import place_in
from .target.model import Measured, Peer, Target, storage_called


def greeted(target: Target, to: str) -> tuple[Room, list[Finding], Peer | None]:
    """Log in at the address `to`; nobody answers where the peer is None."""
    try:
        peer, storages = first_login(target), target.storages()
    except Error as error:
        return Room(target.name, None), [Finding(Severity.REFUSED, target.name, error.message, error.hint)], None
    said = [Finding(Severity.GOOD, peer.name, f"{peer.product} answers; its key is {peer.identity or 'none'}")]
    said += [Finding(Severity.WARNING, peer.name, remark, "compare it with the host's own") for remark in target.remarks]
    place = place_in(to)
    chosen = storage_called(place, storages)
    if chosen is not None:
        room = Room(f"{chosen.name} on {peer.name}", chosen.free_bytes, _pace(target, to), chosen.thick, chosen.most_bytes)
        return room, said, peer
    if not storages and not peer.modes:
        # It takes disks and runs no machines: places are named, not listed.
        return Room(peer.name, None, _pace(target, to)), said, peer
    text = f"it has no storage {place!r}" if place else "it has no storage that would be taken"
    listed = ", ".join(one.name for one in storages) or "none"
    said.append(Finding(Severity.REFUSED, peer.name, text, f"name one behind the host: {listed}"))
    return Room(peer.name, None), said, peer


def _pace(target: Target, to: str) -> Pace | None:
    try:
        measured = target.sample() if isinstance(target, Measured) else None
    except Error:
        measured = None  # what breaks here is told by the conversion itself
    host = urlsplit(to).hostname or ""
    return Pace(f"the network to {host}, measured", measured) if measured is not None else of_link(host)
