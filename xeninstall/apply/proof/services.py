"""Name servers and time servers, each asked from the addresses that the proof stands on."""

import random
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import chain

from xeninstall.answers.model import Dns, DnsMode, NtpMode, Time

from . import dns, sntp
from .results import Result, Standing, failed, passed, warned
from .wire import RealWire, Wire

# Where plan.time sends a host whose DHCP names no server.
POOL = "2.debian.pool.ntp.org"
_SECONDS = 2.0
_TRIES = 2
_MUCH_SECONDS = 2.0  # chrony steps the clock at first boot; the installer's own clock may be worth setting


def servers_of(answers: Dns, stood: Sequence[Standing]) -> tuple[str, ...]:
    """The name servers that the host will ask."""
    match answers.mode:
        case DnsMode.SERVERS:
            return answers.servers
        case DnsMode.SERVE:
            return answers.forwarders
        case DnsMode.DHCP:
            return tuple(dict.fromkeys(chain.from_iterable(at.dns for at in stood)))


def name_servers(answers: Dns, stood: Sequence[Standing], wire: Wire, interface: str) -> Iterator[Result]:
    """One result a server."""
    wanted = servers_of(answers, stood)
    if not wanted:
        yield failed("dns", "nobody names a DNS server; give servers on the DNS screen")
    for server in wanted:
        source = _source(server, stood)
        if source is None:
            what = f"{server} cannot be asked without an IPv{6 if ':' in server else 4} address"
            yield failed("dns", f"{what}; give another server")
            continue
        answer = _asked(server, "", source, wire, interface)
        if answer is None:
            yield failed("dns", f"the DNS server {server} does not answer; look at its address and the firewall between")
        elif answer.code:
            yield warned("dns", f"the DNS server {server} answers with {_code(answer.code)}; it may know only some names")
        else:
            yield passed("dns", f"the DNS server {server} answers")


def time_servers(answers: Time, names: Dns, stood: Sequence[Standing], wire: Wire, interface: str) -> Iterator[Result]:
    """One result a server; nothing where the clock is set by hand."""
    if answers.ntp is NtpMode.NONE:
        return
    told = tuple(dict.fromkeys(chain.from_iterable(at.ntp for at in stood)))
    wanted = answers.servers if answers.ntp is NtpMode.SERVERS else told or (POOL,)
    for server in wanted:
        address = _address(server, servers_of(names, stood), stood, wire, interface)
        if not address:
            yield failed("ntp", f"the name of the time server {server} is not known to DNS; look at the name, or give an address")
            continue
        source = _source(address, stood)
        heard = _time(address, source, wire, interface) if source else None
        if heard is None:
            yield failed("ntp", f"the time server {server} does not answer; look at its name and the firewall between")
        else:
            yield passed("ntp", f"the time server {server} answers: {clock(heard)}")


def ask_time_server(server: str, wire: Wire | None = None) -> Result:
    """One time server, through this machine's network as it is now."""
    try:
        address = str(socket.getaddrinfo(server, 123, type=socket.SOCK_DGRAM)[0][4][0])
    except OSError:
        return failed("ntp", f"{server}: the name is not known to DNS here; look at it, or prove the network first")
    heard = _time(address, "", wire or RealWire(), "")
    if heard is None:
        return failed("ntp", f"the time server {server} does not answer; look at its name and the firewall between")
    return passed("ntp", f"the time server {server} answers: {clock(heard)}")


def clock(told: sntp.Told) -> str:
    """How far this machine's clock is off, in words."""
    off = abs(told.behind_seconds)
    if off < _MUCH_SECONDS:
        return f"this machine's clock is right within {max(off, 0.001):.3f} s"
    return f"this machine's clock is {_long(off)} {'slow' if told.behind_seconds > 0 else 'fast'}"


def _long(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if round(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _time(address: str, source: str, wire: Wire, interface: str) -> sntp.Told | None:
    for _ in range(_TRIES):
        asked = time.time()
        data = wire.ask(interface, source, (address, 123), sntp.question(asked), _SECONDS)
        found = sntp.answer(data, asked, time.time()) if data else None
        if found:
            return found
    return None


def _address(server: str, resolvers: Sequence[str], stood: Sequence[Standing], wire: Wire, interface: str) -> str:
    if ":" in server or server.replace(".", "").isdecimal():
        return server
    for resolver in resolvers:
        source = _source(resolver, stood)
        for ipv6 in (False, True):
            if source is None or not any((":" in at.address) is ipv6 for at in stood):
                continue
            answer = _asked(resolver, server, source, wire, interface, ipv6=ipv6)
            if answer and answer.addresses:
                return answer.addresses[0]
    return ""


def _asked(server: str, name: str, source: str, wire: Wire, interface: str, *, ipv6: bool = False) -> dns.Answer | None:
    for _ in range(_TRIES):
        number = random.getrandbits(16)
        data = wire.ask(interface, source, (server, 53), dns.question(name, number, ipv6=ipv6), _SECONDS)
        found = dns.answer(data, number) if data else None
        if found:
            return found
    return None


def _source(server: str, stood: Sequence[Standing]) -> str | None:
    return next((at.address for at in stood if (":" in at.address) is (":" in server)), None)


def _code(code: int) -> str:
    return {2: "a failure", 3: "no such name", 5: "a refusal"}.get(code, f"error {code}")
