"""What a repair wants done to a guest, as values; and the guest as it will be once that is done."""

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .model import Guest
from .tree import MAX_BYTES, Kind, Tree


@dataclass(frozen=True)
class WriteFile:
    """These bytes in place of the file's; a file that is there keeps its owner, mode and labels."""

    path: str
    data: bytes
    why: str
    mode: int = 0o644


@dataclass(frozen=True)
class Remove:
    """The file or link goes; a copy is kept in the guest."""

    path: str
    why: str


@dataclass(frozen=True)
class MakeLink:
    """A symbolic link, in place of what is there."""

    path: str
    target: str
    why: str


@dataclass(frozen=True)
class RunInGuest:
    """One of the guest's own programs, in isolation."""

    argv: tuple[str, ...]
    why: str
    makes: str = ""  # the file that must be there, and new, afterwards
    env: tuple[tuple[str, str], ...] = ()
    timeout_seconds: float = 600.0


Change = WriteFile | Remove | MakeLink | RunInGuest


@dataclass(frozen=True)
class Planned:
    """What one repair would do. `remarks` are what the user should know and may have to do by hand."""

    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repair:
    """One repair of a Linux system: its name, what it is for, and what it would do to a guest."""

    name: str
    about: str
    plan: Callable[[Guest, Tree], Planned]


def describe(change: Change) -> str:
    """One line for a person."""
    match change:
        case WriteFile(path=path, why=why):
            return f"write {path}: {why}"
        case Remove(path=path, why=why):
            return f"remove {path}: {why}"
        case MakeLink(path=path, target=target, why=why):
            return f"link {path} to {target}: {why}"
        case RunInGuest(argv=argv, why=why):
            return f"run {' '.join(argv)}: {why}"


class Draft:
    """A tree with changes laid over it, so that each repair sees what those before it will have done. Writes nothing."""

    def __init__(self, tree: Tree, changes: Iterable[Change] = ()) -> None:
        self._tree = tree
        self._laid: dict[str, WriteFile | Remove | MakeLink] = {}
        for change in changes:
            self.lay(change)

    def lay(self, change: Change) -> None:
        """One more change."""
        match change:
            case WriteFile(path=path):
                self._laid[self._tree.real(path)] = change
            case Remove(path=path) | MakeLink(path=path):
                # The link itself, not what it leads to.
                self._laid[self._beside(path)] = change
            case RunInGuest():
                pass

    def real(self, path: str) -> str:
        """See Tree."""
        return self._tree.real(path)

    def kind(self, path: str) -> Kind | None:
        """See Tree."""
        laid = self._at(path)
        match laid:
            case WriteFile():
                return Kind.FILE
            case Remove():
                return None
            case MakeLink(target=target):
                return self._tree.kind(posixpath.join(posixpath.dirname(path), target))
        below = f"{self.real(path)}/"
        if any(place.startswith(below) for place, change in self._laid.items() if not isinstance(change, Remove)):
            return Kind.FOLDER
        return self._tree.kind(path)

    def link(self, path: str) -> str | None:
        """See Tree."""
        laid = self._laid.get(self._beside(path))
        match laid:
            case MakeLink(target=target):
                return target
            case Remove() | WriteFile():
                return None
        return self._tree.link(path)

    def read(self, path: str, limit: int = MAX_BYTES) -> bytes | None:
        """See Tree."""
        laid = self._at(path)
        match laid:
            case WriteFile(data=data):
                return data[:limit]
            case Remove():
                return None
            case MakeLink(target=target):
                return self._tree.read(posixpath.join(posixpath.dirname(path), target), limit)
        return self._tree.read(path, limit)

    def names(self, path: str) -> tuple[str, ...]:
        """See Tree."""
        found = set(self._tree.names(path))
        here = self.real(path).rstrip("/") + "/"
        for place, change in self._laid.items():
            if place.startswith(here):
                name, _, rest = place[len(here) :].partition("/")
                if isinstance(change, Remove) and not rest:
                    found.discard(name)
                elif not isinstance(change, Remove):
                    found.add(name)
        return tuple(sorted(found))

    def _at(self, path: str) -> WriteFile | Remove | MakeLink | None:
        return self._laid.get(self._beside(path)) or self._laid.get(self.real(path))

    def _beside(self, path: str) -> str:
        parent, name = posixpath.split(path.rstrip("/"))
        return posixpath.join(self._tree.real(parent or "/"), name)
