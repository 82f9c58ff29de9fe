"""Text from outside on a console: a disk's label may hold anything, a console's font holds little."""

# Beyond Latin-1, what both of Debian's usual console fonts have and our own texts use.
_ALSO = frozenset("─│┌┐└┘…€")


def plain(text: str) -> str:
    """The text with `?` for each character that a console cannot show, and nothing that could steer a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if (char.isprintable() and ord(char) < 0x100) or char in _ALSO or char == "\n" else "?" for char in text)
