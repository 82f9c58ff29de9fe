"""What an answer file refers to outside of itself: the password's file, the hooks' files, the system's time zones."""

import logging
import stat
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from .access import SCRIPT_MAXIMUM_CHARACTERS, Hooks, Root
from .breach import Breach
from .convert import Convert
from .packs import PackSource
from .passwords import PasswordError, password_of
from .problems import AnswersError
from .source import parse, read_text

log = logging.getLogger("xeninstall.answers")

_ZONES = Path("/usr/share/zoneinfo")
_KEYS = ("identity", "password_file", "ca")
_LISTS = ("unlock", "drivers")
_HOOKS = ("before_disk", "installed", "first_boot")
_FILE_MAXIMUM_BYTES = SCRIPT_MAXIMUM_CHARACTERS * 4  # UTF-8's longest


class _Unreadable(Exception):
    """A file that cannot be read, and why."""


def read_hooks(hooks: Hooks, folder: Path) -> tuple[Hooks, list[Breach]]:
    """The hooks with each file's name replaced by its text; names are relative to the answer file's folder."""
    scripts: dict[str, str] = {}
    found: list[Breach] = []
    for name in _HOOKS:
        value: str | None = getattr(hooks, name)
        if value is None or value.startswith("#!"):
            continue
        try:
            scripts[name] = _script(folder / value, value)
        except _Unreadable as problem:
            remedy = "name a script's file, relative to the answer file, or write the script itself, beginning with #!"
            found.append(Breach(("hooks", name), str(problem), remedy))
    return hooks.model_copy(update=scripts), found


def place_packs(packs: tuple[PackSource, ...], folder: Path) -> tuple[PackSource, ...]:
    """The packs with relative paths made absolute, from the answer file's folder. Nothing is read: media come later."""
    return tuple(
        pack
        if "://" in pack.source or pack.source.startswith("/")
        else pack.model_copy(update={"source": str((folder / pack.source).absolute())})
        for pack in packs
    )


def place_keys(convert: Convert, folder: Path) -> Convert:
    """The conversion with its keys, passphrases and drivers by their absolute paths. Nothing is read."""
    given = {key: value for key in _KEYS if (value := getattr(convert, key)) is not None}
    placed: dict[str, object] = {key: str((folder / value).absolute()) for key, value in given.items()}
    placed |= {key: tuple(str((folder / value).absolute()) for value in getattr(convert, key)) for key in _LISTS}
    return convert.model_copy(update=placed)


def referred(path: Path) -> list[str]:
    """Names of files and folders beside an answer file that it refers to; none of what is no answer file, which `load` says."""
    try:
        data = parse(path, read_text(path))
    except AnswersError:
        return []
    tables = {name: table if isinstance(table := data.get(name), dict) else {} for name in ("hooks", "root", "convert")}
    named = [*(tables["hooks"].get(name) for name in _HOOKS), tables["root"].get("password_file")]
    named += [tables["convert"].get(key) for key in _KEYS]
    listed = [found for key in _LISTS if isinstance(found := tables["convert"].get(key), list)]
    named += [name for names in listed for name in names]
    inside = (name for name in named if isinstance(name, str) and name.isprintable() and not name.startswith(("#!", "/")))
    return [name for name in inside if name and ".." not in name.split("/")]


def read_password(root: Root, folder: Path) -> tuple[bytes | None, list[Breach]]:
    """The password that root.password_file holds, if the key is given."""
    if root.password_file is None:
        return None, []
    path = folder / root.password_file
    at = ("root", "password_file")
    try:
        data = _content(path, root.password_file)
        if path.stat().st_mode & stat.S_IROTH:
            log.warning("everybody can read the password in %s; change that with: chmod 600 %s", path, path)
        return password_of(data), []
    except _Unreadable as problem:
        return None, [Breach(at, str(problem), "name the password's file, relative to the answer file")]
    except PasswordError as error:
        return None, [Breach(at, f"{root.password_file}: {error.message}", error.hint)]


def check_zone(zone: str, zones: Path = _ZONES) -> Iterator[Breach]:
    """A time zone that this system does not know; without zone files here nothing can be said."""
    if not (zones / "Etc/UTC").is_file() or (zones / zone).is_file():
        return
    known = [str(path.relative_to(zones)) for path in zones.glob("[A-Z]*/**/*") if path.is_file()]
    near = get_close_matches(zone, known, 1, 0.6)
    remedy = f"did you mean {near[0]}?" if near else f"see {zones} for those that there are"
    yield Breach(("time", "zone"), f"there is no time zone {zone}", remedy)


def _script(path: Path, name: str) -> str:
    data = _content(path, name)
    if not data.startswith(b"#!"):
        raise _Unreadable(f"{name} does not begin with #!")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _Unreadable(f"{name} is not text in UTF-8") from None
    if "\0" in text:
        raise _Unreadable(f"{name} holds a NUL byte")
    if len(text) > SCRIPT_MAXIMUM_CHARACTERS:
        raise _Unreadable(f"{name} is longer than {SCRIPT_MAXIMUM_CHARACTERS} characters")
    return text


def _content(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        raise _Unreadable(f"there is no file {name}") from None
    except IsADirectoryError:
        raise _Unreadable(f"{name} is a directory") from None
    except PermissionError:
        raise _Unreadable(f"reading {name} is not permitted") from None
    except OSError as error:
        raise _Unreadable(f"{name} cannot be read: {error.strerror}") from None
