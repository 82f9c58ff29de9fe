"""Name resolution: systemd-resolved's servers, and dnsmasq where this host serves DNS."""

from typing import Any

from xeninstall.host.tree import Tree, unit, values
from xeninstall.plan.network import DNSMASQ, RESOLVED

from . import name


def read(tree: Tree) -> dict[str, Any] | None:
    """None where systemd-resolved is not what was set up."""
    text = tree.text(RESOLVED)
    if text is None:
        return None
    parsed = unit(text)
    servers = " ".join(values(parsed, "Resolve", "DNS")).split()
    search = " ".join(values(parsed, "Resolve", "Domains")).split()
    domain = (name.read(tree) or {}).get("domain")
    out: dict[str, Any] = {"search": search} if search and search != [domain] else {}
    served = tree.text(DNSMASQ)
    if served is not None:
        lines = (line.partition("#")[0].strip() for line in served.splitlines())
        return out | {"mode": "serve", "forwarders": [line[7:] for line in lines if line.startswith("server=")]}
    return out | ({"mode": "servers", "servers": servers} if servers else {"mode": "dhcp"})
