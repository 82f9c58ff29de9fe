"""Does the new network carry what it has to: the addresses, the gateway, and the SSH session that this run hangs on?"""

import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xeninstall.base.run import Runner
from xeninstall.plan.network import BRIDGE


@dataclass(frozen=True)
class Session:
    """One SSH connection, as sshd tells it in SSH_CONNECTION."""

    peer: str
    peer_port: int
    port: int


def own_session(environment: dict[str, str], proc: Path = Path("/proc")) -> Session | None:
    """The connection that this process was started over; sudo hides it, so that its parents are asked, too."""
    words = environment.get("SSH_CONNECTION", "").split()
    pid = "self"
    for _ in range(64):
        if len(words) == 4 and words[1].isdecimal() and words[3].isdecimal():
            return Session(words[0], int(words[1]), int(words[3]))
        try:
            variables = (proc / pid / "environ").read_bytes().decode(errors="replace").split("\0")
            words = next((one.partition("=")[2].split() for one in variables if one.startswith("SSH_CONNECTION=")), [])
            parent = re.search(r"^PPid:\s+([0-9]+)", (proc / pid / "status").read_text(), re.MULTILINE)
        except OSError:
            return None
        if words:
            continue
        if parent is None or parent[1] in ("0", "1"):
            return None
        pid = parent[1]
    return None


@dataclass
class Prover:
    """Asks the running network, again and again, until nothing is lacking."""

    runner: Runner
    addresses: tuple[str, ...]
    gateway: str
    session: Session | None
    leased: bool = False  # an address of IPv6, which comes by itself, does not stand for that of DHCP
    _since: float | None = field(default=None, init=False)  # the first question, which comes when the network was switched

    def lacking(self) -> str:
        """What is not proven yet, in words; empty when everything is."""
        self._since = time.monotonic() if self._since is None else self._since
        entries = [entry for link in self._json("address", "show", "dev", BRIDGE) for entry in link.get("addr_info", [])]
        entries = [entry for entry in entries if entry.get("scope") == "global"]
        here = [str(entry.get("local", "")) for entry in entries]
        missing = [address for address in self.addresses if address not in here]
        if missing or not here:
            return f"{BRIDGE} has no address {', '.join(missing)}" if missing else f"{BRIDGE} has no address yet"
        if self.leased and not any(entry.get("family") == "inet" for entry in entries):
            return f"{BRIDGE} has no address by DHCP yet"
        gateway = self.gateway or self._default_gateway()
        if not gateway:
            return f"{BRIDGE} has no gateway that could answer; waiting for xeninstall bootstrap --confirm"
        if not self._answers(gateway):
            return f"the gateway {gateway} does not answer"
        if self.session is not None and not self._alive(self.session):
            return f"the SSH session from {self.session.peer} is silent so far; xeninstall bootstrap --confirm helps"
        return ""

    def _json(self, *question: str) -> list[dict[str, Any]]:
        done = self.runner.run(["ip", "-j", *question], check=False)
        try:
            found = json.loads(done.stdout or "[]")
        except ValueError:
            return []
        return [entry for entry in found if isinstance(entry, dict)]

    def _default_gateway(self) -> str:
        for family in ("-4", "-6"):
            for route in self._json(family, "route", "show", "default", "dev", BRIDGE):
                if route.get("gateway"):
                    return str(route["gateway"])
        return ""

    def _answers(self, address: str) -> bool:
        """An answer on the link is enough: many routers take no ping."""
        pinged = self.runner.run(["ping", "-c", "1", "-W", "2", "-I", BRIDGE, address], check=False)
        if pinged.status == 0:
            return True
        neighbours = self._json("neigh", "show", address, "dev", BRIDGE)
        return any(entry.get("lladdr") and not {"FAILED", "STALE"} & set(entry.get("state", [])) for entry in neighbours)

    def _alive(self, session: Session) -> bool:
        """Has the other end acknowledged something since the switch? Or does it at least answer a ping through the bridge?"""
        said = self.runner.run(
            ["ss", "-Htin", "state", "established", f"( sport = :{session.port} and dport = :{session.peer_port} )"], check=False
        ).stdout
        acknowledged = re.search(r"\blastack:([0-9]+)", said)
        if said.strip() and int(acknowledged[1] if acknowledged else 0) < (time.monotonic() - (self._since or 0)) * 1000:
            return True
        return self.runner.run(["ping", "-c", "1", "-W", "2", "-I", BRIDGE, session.peer], check=False).status == 0
