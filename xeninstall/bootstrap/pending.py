"""What of a list of actions is still to do on a running system: the rest of it is true already. And the difference, as text."""

import difflib
import stat
from collections.abc import Iterable, Iterator

from xeninstall.apply.host_files import inside
from xeninstall.machine.look import Look
from xeninstall.plan.model import MakeLink, Remove, SetRootPassword, WriteFile

from .model import BootstrapAction, Command, FileChange


def pending(actions: Iterable[BootstrapAction], look: Look) -> tuple[BootstrapAction, ...]:
    """Without the files, links and passwords that are so already, and without commands for which nothing has changed."""
    left = [action for action in actions if not _is_so(action, look)]
    changed = {action.path for action in left if isinstance(action, WriteFile | MakeLink | Remove)}
    others = any(not isinstance(action, Command) for action in left)
    return tuple(
        action
        for action in left
        if not isinstance(action, Command) or (bool(changed & set(action.reads)) if action.reads else others)
    )


def _is_so(action: BootstrapAction, look: Look) -> bool:
    match action:
        case WriteFile(path=path, text=text, mode=mode):
            place = inside(look.root, path)
            try:
                found = place.lstat()
                return stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == mode and place.read_bytes() == text.encode()
            except OSError:
                return False
        case MakeLink(path=path, to=to):
            place = inside(look.root, path)
            return place.is_symlink() and str(place.readlink()) == to
        case Remove(path=path):
            place = inside(look.root, path)
            return not place.exists() and not place.is_symlink()
        case SetRootPassword(hash=secret):
            return root_hash(look) == secret.get_secret_value()
        case _:
            return False


def root_hash(look: Look) -> str:
    """Root's password hash, or nothing where it cannot be read."""
    lines = (line.split(":") for line in (look.text("/etc/shadow") or "").splitlines())
    return next((words[1] for words in lines if words[0] == "root" and len(words) > 1), "")


def diffs(changes: Iterable[FileChange], look: Look) -> Iterator[tuple[str, str]]:
    """Each path with its unified difference; a secret's text is not shown."""
    for change in changes:
        place = inside(look.root, change.path)
        if place.is_symlink():
            before = [f"-> {place.readlink()}\n"]
        elif place.is_file():
            before = place.read_text(errors="replace").splitlines(keepends=True)
        else:
            before = []
        match change:
            case WriteFile(secret=True):
                yield change.path, "(not shown)\n"
                continue
            case WriteFile(text=text):
                after = text.splitlines(keepends=True)
            case MakeLink(to=to):
                after = [f"-> {to}\n"]
            case Remove():
                after = []
        lines = difflib.unified_diff(before, after, change.path if before else "/dev/null", change.path if after else "/dev/null")
        shown = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
        yield change.path, shown or "(only its mode changes)\n"
