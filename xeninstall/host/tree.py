"""A host's files below a root, read for what they say; what is not there, or cannot be read, is None or empty."""

import re
from dataclasses import dataclass
from pathlib import Path

from xeninstall.apply.host_files import inside
from xeninstall.base.errors import Error

_MOST_BYTES = 2**20
_PAIR = re.compile(r"""\s*([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"]*)"|'([^']*)'|(\S*))""")


@dataclass(frozen=True)
class Tree:
    """A root directory; links are followed as the host itself would follow them."""

    root: Path = Path("/")

    def text(self, path: str, most_bytes: int = _MOST_BYTES) -> str | None:
        """A file's text, or its beginning."""
        try:
            with self._place(path).open("rb") as file:
                return file.read(most_bytes).decode("utf-8", "replace")
        except (OSError, Error):
            return None

    def link(self, path: str) -> str:
        """What a symbolic link says."""
        try:
            return str(inside(self.root, path).readlink())
        except (OSError, Error):
            return ""

    def names(self, path: str) -> list[str]:
        """What a directory holds, sorted."""
        try:
            return sorted(entry.name for entry in inside(self.root, path).iterdir())
        except (OSError, Error):
            return []

    def _place(self, path: str) -> Path:
        place = inside(self.root, path)
        for _ in range(40):
            if not place.is_symlink():
                break
            to = str(place.readlink())
            above = "/" + str(place.parent.relative_to(self.root))
            place = inside(self.root, to if to.startswith("/") else f"{above}/{to}")
        return place


Unit = tuple[tuple[str, str, str], ...]  # section, key, value: keys repeat


def unit(text: str) -> Unit:
    """systemd's files (systemd.syntax(7)): sections, keys that may repeat, comments."""
    section, out = "", []
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and line[0] not in "#;" and "=" in line:
            key, _, value = line.partition("=")
            out.append((section, key.strip(), value.strip()))
    return tuple(out)


def values(parsed: Unit, section: str, key: str) -> list[str]:
    """Every value of a key; an empty one takes back those before it."""
    out: list[str] = []
    for where, name, value in parsed:
        if (where, name) == (section, key):
            out = [*out, value] if value else []
    return out


def value(parsed: Unit, section: str, key: str) -> str:
    """The last value of a key, or nothing."""
    return (values(parsed, section, key) or [""])[-1]


def assignments(text: str) -> dict[str, str]:
    """A file of the shell's: NAME="value"."""
    found = (_PAIR.match(line) for line in text.splitlines())
    return {match[1]: next((one for one in match.groups()[1:] if one is not None), "") for match in found if match}
