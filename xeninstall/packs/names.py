"""Which paths a pack may hold. Whoever made the pack may mean harm: what leads out of it, or hides, is refused by name."""

import stat

from .errors import PackError

PARTS = ("modules", "firmware", "debs", "templates")  # where a pack keeps its files
PATH_MAXIMUM = 200  # characters; and what an ISO, a FAT or a tar all can carry
_GET_IT_AGAIN = "do not use this pack; get it from its maker again"


def shown(name: str, most: int = 120) -> str:
    """A name as it may be printed: control characters and what is no text as escapes, cut to one line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode() for char in name)[
        :120
    ]


def normal(name: str) -> str:
    """The path without `./` and `/` at its ends; empty for the pack itself. Raises PackError for what a pack may not hold."""
    if any(not char.isprintable() for char in name):
        raise PackError(f"{shown(name)} has a control character in its name", hint=_GET_IT_AGAIN)
    if name.startswith("/"):
        raise PackError(f"{shown(name)} is an absolute path", hint=_GET_IT_AGAIN)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise PackError(f"{shown(name)} leads out of the pack", hint=_GET_IT_AGAIN)
    path = "/".join(parts)
    if len(path) > PATH_MAXIMUM:
        raise PackError(f"{shown(path[:60])}… is longer than {PATH_MAXIMUM} characters", hint="give it a shorter name")
    return path


def check_kind(name: str, mode: int) -> None:
    """Plain files and directories alone. `mode` is that of stat(2). Raises PackError."""
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
    }
    found = kinds.get(stat.S_IFMT(mode))
    if found is not None:
        raise PackError(f"{shown(name)} is {found}; a pack holds plain files only", hint=_GET_IT_AGAIN)
    if mode & (stat.S_ISUID | stat.S_ISGID) and not stat.S_ISDIR(mode):
        raise PackError(f"{shown(name)} would run with somebody else's rights (set-ID)", hint=_GET_IT_AGAIN)


def is_content(path: str) -> bool:
    """Whether a path lies where a pack keeps its files."""
    return path.partition("/")[0] in PARTS and "/" in path
