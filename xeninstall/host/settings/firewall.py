"""Ports that nftables lets in."""

import re
from typing import Any

from xeninstall.host.tree import Tree
from xeninstall.plan.identity import NFTABLES
from xeninstall.plan.network import DNSMASQ

_RULE = re.compile(r"^\s*(tcp|udp) dport \{ ([0-9, ]+) \} accept$", re.MULTILINE)


def read(tree: Tree) -> dict[str, Any] | None:
    """None where the rules are not ours: somebody wrote others."""
    text = tree.text(NFTABLES) or ""
    if "# Written by xeninstall." not in text:
        return None
    own = {("tcp", "22")} | ({("tcp", "53"), ("udp", "53")} if tree.text(DNSMASQ) is not None else set())
    found = [(match[1], port.strip()) for match in _RULE.finditer(text) for port in match[2].split(",")]
    opened = [f"{protocol}/{port}" for protocol, port in found if (protocol, port) not in own]
    return {"open": opened} if opened else {}
