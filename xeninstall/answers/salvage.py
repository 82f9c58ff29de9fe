"""Keeps what is valid of an answer file that is not, so that the rules across keys can speak in the same run."""

from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .breach import Location
from .sections import Sections


def salvage(data: dict[str, Any]) -> tuple[Sections, list[ErrorDetails], list[Location]]:
    """The valid part, with defaults elsewhere; every finding; and the places whose values were dropped. Consumes `data`."""
    findings: list[ErrorDetails] = []
    broken: list[Location] = []
    while True:
        try:
            return Sections.model_validate(data), findings, broken
        except ValidationError as error:
            errors = error.errors(include_url=False)
        # Later rounds only find what the cutting itself has torn, such as a bond without its members.
        findings = findings or errors
        for entry in errors:
            place = entry["loc"][:-1] if entry["type"] == "missing" else entry["loc"]
            broken.append(place)
            _cut(data, place, is_table=entry["type"] in ("model_type", "model_attributes_type"))


def _cut(data: dict[str, Any], place: Location, *, is_table: bool) -> None:
    node: object = data
    for depth, part in enumerate(place):
        last = depth == len(place) - 1
        if isinstance(node, dict):
            if last:
                node.pop(cast("str", part), None)
                return
            child = node.get(part)
            next_is_scalar_in_list = depth == len(place) - 2 and isinstance(place[-1], int) and not is_table
            if isinstance(child, list) and next_is_scalar_in_list:
                # The other items would move up and take wrong numbers: without one, the list goes.
                node.pop(cast("str", part))
                return
            node = child
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            if last:
                node[part] = {}
                return
            node = node[part]
        else:
            return
