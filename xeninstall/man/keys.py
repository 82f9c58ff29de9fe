"""The KEYS part of xeninstall-answers(5): every table and key of the model, with its kind and its default."""

import inspect
from collections.abc import Iterator
from typing import Any

from xeninstall.answers.fields import Section
from xeninstall.answers.keys import table_of
from xeninstall.answers.schema import schema
from xeninstall.answers.sections import Sections
from xeninstall.answers.toml import toml_value

from .roff import bold, escape, italic, item, prose


def key_sections() -> str:
    """One subsection a table."""
    whole = schema()
    return "".join(_table(Sections, whole, whole["$defs"], "", ""))


def _table(table: type[Section], node: dict[str, Any], defs: dict[str, Any], header: str, purpose: str) -> Iterator[str]:
    if header:
        yield f".SS {escape(header)}\n{prose(f'{purpose} {inspect.getdoc(table)}')}\n"
    else:
        yield ".SS Above the first table\n"
    below = []
    for name, field in table.model_fields.items():
        held, many = table_of(field)
        if held is not None:
            path = ".".join(part for part in (header.strip("[]"), name) if part)
            inner = _resolved(node["properties"][name]["items"] if many else node["properties"][name], defs)
            # A table that need not be there says why it would be.
            purpose = field.description or "" if many or field.default is None else ""
            below.append((held, inner, f"[[{path}]]" if many else f"[{path}]", purpose))
            continue
        kind = kind_of(_resolved(node["properties"][name], defs), defs)
        default = "" if field.is_required() or field.default in (None, ()) else f", default {toml_value(field.default)}"
        needed = ", required" if field.is_required() else ""
        yield item(f"{bold(name)} = {italic(kind)}{escape(default + needed)}", prose(field.description or ""))
    for held, inner, its_header, its_purpose in below:
        yield from _table(held, inner, defs, its_header, its_purpose)


def _resolved(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    name = node.get("$ref", "").rpartition("/")[2]
    return {**defs[name], **node} if name else node


def kind_of(node: dict[str, Any], defs: dict[str, Any]) -> str:
    """A value's kind in words, from its JSON Schema: `dhcp | static | none`, `list of text`, `whole number, 1 to 4094`."""
    if "anyOf" in node:
        return " or ".join(kind_of(_resolved(choice, defs), defs) for choice in node["anyOf"])
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return " | ".join(str(choice) for choice in node["enum"])
    match node["type"]:
        case "array":
            return f"list of {kind_of(_resolved(node['items'], defs), defs)}"
        case "integer":
            low, high = node.get("minimum"), node.get("maximum")
            return f"whole number, {low} to {high}" if high is not None else "number of bytes"
        case "boolean":
            return "true | false"
        case "string" if node.get("format") == "date-time":
            return "date-time"
        case "string" if "examples" in node:
            return f"text such as {node['examples'][0]}"
        case _:
            return "text"
