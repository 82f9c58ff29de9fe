"""Refusals of the answers' rules in a screen's words: here nobody writes keys."""

import re

from xeninstall.wizard.draft import Problem

_WRITE = re.compile(r'write \w+ = \[?"(.+?)"\]?')
_WHATS = {
    "none, like network.ipv4.method: nobody could reach the host": "neither IPv4 nor IPv6: nobody could reach the host",
}
_REMEDIES = {
    'set dns.mode = "servers" and dns.servers': "choose servers of your own",
    "write the number without quotes": "write a number, or nothing",
    "write the value in quotes": "write it on one line",
}


def in_plain_words(found: list[Problem]) -> list[Problem]:
    """The same problems, each with a remedy that can be followed on the screen."""
    return [Problem(one.key, _plain(one.text)) for one in found]


def _plain(text: str) -> str:
    what, sign, remedy = text.rpartition("; ")
    example = _WRITE.fullmatch(remedy)
    if what.startswith("missing, and"):
        what = "missing"
    what = _WHATS.get(what, what)
    return f"{what}{sign}{f'write it like {example[1]}' if example else _REMEDIES.get(remedy, remedy)}"
