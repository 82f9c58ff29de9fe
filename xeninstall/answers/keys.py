"""The keys that an answer file may have, found by walking the model; for suggestions, the dump and the manual page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic.fields import FieldInfo

from .fields import Section
from .sections import Sections


@dataclass(frozen=True)
class Key:
    """One key: its path, its field, and the table's type when it is a table (`repeated` for an array of tables)."""

    path: str
    field: FieldInfo
    table: type[Section] | None
    repeated: bool


def keys(section: type[Section] = Sections, prefix: str = "") -> Iterator[Key]:
    """Every key in the order of the model, tables before what they hold: `storage.extra_disks[].serial`."""
    for name, field in section.model_fields.items():
        table, repeated = table_of(field)
        path = f"{prefix}{name}" + ("[]" if repeated else "")
        yield Key(path, field, table, repeated)
        if table is not None:
            yield from keys(table, f"{path}.")


def table_of(field: FieldInfo) -> tuple[type[Section] | None, bool]:
    """The table that a field holds, if it does, and whether it holds several."""
    return _search(field.annotation)


def table_at(location: Sequence[str | int]) -> type[Section] | None:
    """The table at a place in the file; the list index of an array of tables is passed over."""
    table: type[Section] | None = Sections
    for part in location:
        if isinstance(part, int):
            continue
        field = table.model_fields.get(part) if table else None
        table = table_of(field)[0] if field else None
    return table


def _search(annotation: Any) -> tuple[type[Section] | None, bool]:  # noqa: ANN401 — an annotation can be anything
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, False
    for argument in get_args(annotation):
        found, repeated = _search(argument)
        if found is not None:
            return found, repeated or Ellipsis in get_args(annotation)
    return None, False
