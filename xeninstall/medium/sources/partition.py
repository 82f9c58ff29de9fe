"""Answers on a file system with a label: XENANSWERS is looked for by itself. It is only ever read."""

from xeninstall.answers.outside import referred
from xeninstall.base.errors import UsageError
from xeninstall.medium.volume import opened, with_label

from .ask import Ask, Found

LABEL = "XENANSWERS"
_PATH = "/answers.toml"


def find(ask: Ask) -> Found | None:
    """The answer file on the file system, or the partition, that is called XENANSWERS."""
    return from_label(ask, LABEL, _PATH, wanted=False)


def from_label(ask: Ask, label: str, path: str, *, wanted: bool) -> Found | None:
    """Copy the answer file, and what it refers to beside it, from the file system with this label. None when there is none.

    Raises UsageError when it lies there but the file does not, or cannot be read.
    """
    nodes = with_label(label, ask.runner)
    if not nodes:
        return None
    if len(nodes) > 1:
        hint = "leave one of them plugged in, so that it is clear which answers count"
        raise UsageError(f"{len(nodes)} file systems are labelled {label}: {', '.join(nodes)}", hint=hint)
    ask.tell(f"reading {path} from {nodes[0]} ({label})")
    with opened(nodes[0], ask.runner) as volume:
        data = volume.read(path)
        if data is None:
            hint = "put it there" if not wanted else "put it there, or correct xeninstall.answers"
            raise UsageError(f"{nodes[0]} is labelled {label}, but there is no {path} on it", hint=hint)
        kept = ask.keep(data)
        folder = path.rpartition("/")[0]
        for name in referred(kept):
            beside = volume.read(f"{folder}/{name}")
            if beside is not None:
                ask.keep(beside, name)
            else:
                volume.copy_folder(f"{folder}/{name}", ask.place / name)
    return Found(kept, f"{label}:{path}")
