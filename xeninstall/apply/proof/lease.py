"""A DHCP lease, taken and given back: discover, offer, request, acknowledge (RFC 2131, 3.1)."""

import random

from . import dhcp
from .results import Result, Standing, failed
from .wire import Wire

_OFFER_SECONDS = 7.0
_ACKNOWLEDGE_SECONDS = 3.0


def take(wire: Wire, interface: str, mac: str) -> Standing | Result:
    """The lease, or why there is none."""
    xid = random.getrandbits(32)
    offer = _said(wire, interface, mac, xid, dhcp.Kind.DISCOVER, None)
    if offer is None:
        what = f"no DHCP server answered within {_OFFER_SECONDS:.0f} s"
        return failed("lease", f"{what}; look at the cable and the VLAN, or give a static address")
    done = _said(wire, interface, mac, xid, dhcp.Kind.REQUEST, offer.standing)
    if done is None or done.kind is dhcp.Kind.NAK:
        what = f"the DHCP server {offer.standing.server} offered {offer.standing.address} and then did not give it"
        return failed("lease", f"{what}; look at its log")
    return done.standing


def give_back(wire: Wire, interface: str, mac: str, lease: Standing) -> None:
    """Tell the server. By then the address is gone from the interface, and a broadcast needs none."""
    packet = dhcp.broadcast(dhcp.message(dhcp.Kind.RELEASE, mac, random.getrandbits(32), lease))
    wire.broadcast(interface, packet, lambda _data: True, 0)


def told(at: Standing) -> str:
    """The lease in words."""
    time = f"{at.seconds / 3600:.0f} h" if at.seconds >= 3600 else f"{at.seconds} s"
    parts = [f"address {at.address}/{at.prefix} from {at.server} for {time}"]
    parts += [f"gateway {at.gateway}"] if at.gateway else []
    parts += [f"DNS {' '.join(at.dns)}"] if at.dns else []
    parts += [f"NTP {' '.join(at.ntp)}"] if at.ntp else []
    return ", ".join(parts)


def _said(wire: Wire, interface: str, mac: str, xid: int, kind: dhcp.Kind, offer: Standing | None) -> dhcp.Reply | None:
    discovering = kind is dhcp.Kind.DISCOVER
    wanted = (dhcp.Kind.OFFER,) if discovering else (dhcp.Kind.ACK, dhcp.Kind.NAK)

    def understand(packet: bytes) -> dhcp.Reply | None:
        found = dhcp.reply(packet, xid, mac)
        return found if found and found.kind in wanted else None

    packet = dhcp.broadcast(dhcp.message(kind, mac, xid, offer))
    return wire.broadcast(interface, packet, understand, _OFFER_SECONDS if discovering else _ACKNOWLEDGE_SECONDS)
