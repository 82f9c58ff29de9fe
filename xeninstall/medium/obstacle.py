"""Why a server cannot be reached, from the bottom up: link, address, name, server."""

import json
from collections.abc import Callable
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.http import HttpError, Trouble
from xeninstall.base.run import Runner

_NETWORK = Path("/sys/class/net")


def obstacle(runner: Runner, network: Path = _NETWORK) -> Callable[[HttpError], str]:
    """A function that names the lowest thing that is missing for an exchange that failed."""

    def name(error: HttpError) -> str:
        match error.trouble:
            case Trouble.NAME | Trouble.CONNECT | Trouble.TIMEOUT if lower := _below(runner, network):
                return lower
            case Trouble.NAME:
                return "the name"
            case Trouble.CLOCK:
                return "the clock"
            case _:
                return "the server"

    return name


def _below(runner: Runner, network: Path) -> str:
    """`a link`, `an address`, or nothing when this machine has both. Interfaces without a device are loopback and our own."""
    cards = [card for card in sorted(network.iterdir()) if (card / "device").exists()] if network.is_dir() else []
    if cards and not any(_text(card / "carrier") == "1" for card in cards):
        return f"a link on {', '.join(card.name for card in cards)}"
    try:
        listed = json.loads(runner.run(["ip", "-json", "address", "show", "scope", "global"], check=False).stdout or "[]")
    except (Error, ValueError):
        return ""
    return "" if any(card.get("addr_info") for card in listed) else "an address"


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""  # a card that is down cannot tell
