"""Plain text to the man macros of roff, so that no word of ours turns into a command."""

import re

_CODE = re.compile(r"`([^`]+)`")


def escape(text: str) -> str:
    """Text as it is, wherever it stands; hyphens become minus signs, which can be copied into a shell."""
    out = text.replace("\\", "\\e").replace("-", "\\-")
    out = "".join(char if char < "\x7f" else f"\\[u{ord(char):04X}]" for char in out)
    return f"\\&{out}" if out[:1] in (".", "'") else out


def prose(text: str) -> str:
    """A sentence or more: hyphens stay hyphens, `code` is set bold, each line is safe from being taken for a request."""
    parts = _CODE.split(" ".join(text.split()))
    out = "".join(bold(part) if index % 2 else escape(part).replace("\\-", "-") for index, part in enumerate(parts))
    return f"\\&{out}" if out[:1] in (".", "'") else out


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
