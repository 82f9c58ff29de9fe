"""Writes answers as an answer file: what differs from the defaults, each key below its description, ready to be replayed."""

import textwrap
from collections.abc import Iterator

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from .fields import Section
from .keys import table_of
from .model import Answers
from .toml import toml_value

# Left out unless asked for: a hash can be attacked offline, and a webhook's URL often carries a token.
SECRET_KEYS = ("root.password_hash", "hooks.webhook")
# Written even when it is the default, since the reader should see which way it was answered.
_ALWAYS = ("disk.erase",)
_SIZES = ("system_size", "min_size", "max_size", "dom0_memory")
_WIDTH = 100


def dump(answers: Answers, *, with_secrets: bool = False) -> str:
    """TOML that `load` reads back into an equal value; without its secrets a comment stands where each was."""
    head = "# Answer file of xeninstall; xeninstall-answers(5) describes every key. What is left out has its default.\n"
    return head + "".join(_table(answers, "", with_secrets=with_secrets))


def _table(section: Section, path: str, *, with_secrets: bool) -> Iterator[str]:
    tables: list[tuple[str, FieldInfo]] = []
    for name, field in type(section).model_fields.items():
        if table_of(field)[0] is not None:
            tables.append((name, field))
        else:
            yield from _key(section, path, name, field, with_secrets=with_secrets)
    for name, field in tables:
        value = getattr(section, name)
        below = f"{path}.{name}".lstrip(".")
        if isinstance(value, tuple):
            for item in value:
                yield f"\n[[{below}]]\n" + "".join(_table(item, below, with_secrets=with_secrets))
        elif value is not None:
            body = "".join(_table(value, below, with_secrets=with_secrets))
            # An optional table that is there means something even without keys, such as a match rule for any disk.
            if field.default is None or (body and not body.startswith("\n[")):
                yield f"\n[{below}]\n"
            yield body


def _key(section: Section, path: str, name: str, field: FieldInfo, *, with_secrets: bool) -> Iterator[str]:
    value = getattr(section, name)
    key = f"{path}.{name}".lstrip(".")
    if value == field.default and key not in _ALWAYS:
        return
    yield from (f"# {line}\n" for line in textwrap.wrap(field.description or "", _WIDTH - 2))
    if key in SECRET_KEYS and not with_secrets:
        yield f"# {name} was given; it is a secret and left out here.\n"
    else:
        yield f"{name} = {_text(name, value)}\n"


def _text(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return toml_value(value.get_secret_value())
    if name in _SIZES and isinstance(value, int):
        return toml_value(size_text(value))
    return toml_value(value)


def size_text(size_bytes: int) -> str:
    """`16G`, or the plain number of bytes where no unit divides it."""
    for unit, factor in (("T", 2**40), ("G", 2**30), ("M", 2**20), ("K", 2**10)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return str(size_bytes)
