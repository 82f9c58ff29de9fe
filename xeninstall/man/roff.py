"""Plain text to the man macros of roff, so that no word of ours turns into a command."""

import re

_CODE = re.compile(r"`([^`]+)`")


def escape(text: str) -> str:
    """Text as it is, wherever it stands; hyphens become minus signs, which can be copied into a shell."""
    return _no_request(_plain(text).replace("-", "\\-"))


def prose(text: str) -> str:
    """A sentence or more: hyphens stay hyphens, `code` is set bold, each line is safe from being taken for a request."""
    parts = _CODE.split(" ".join(text.split()))
    return _no_request("".join(bold(part) if index % 2 else _plain(part) for index, part in enumerate(parts)))


def bold(text: str) -> str:
    """What is to be typed as it stands."""
    return f"\\fB{escape(text)}\\fR"


def italic(text: str) -> str:
    """What stands for something else."""
    return f"\\fI{escape(text)}\\fR"


def item(head: str, body: str) -> str:
    """A paragraph below its hanging head."""
    return f".TP\n{head}\n{body}\n"


def example(lines: str) -> str:
    """Lines kept as they are."""
    kept = "\n".join(escape(line) for line in lines.rstrip("\n").split("\n"))
    return f".PP\n.RS 4\n.EX\n{kept}\n.EE\n.RE\n"


def _plain(text: str) -> str:
    return "".join(char if char < "\x7f" else f"\\[u{ord(char):04X}]" for char in text.replace("\\", "\\e"))


def _no_request(text: str) -> str:
    # A dot or an apostrophe at the beginning of a line would make it a request.
    return f"\\&{text}" if text[:1] in (".", "'") else text
