"""The JSON Schema tells editors what the model takes."""

import json
import tomllib
from typing import Any

import jsonschema
import pytest

from xeninstall.answers.examples import names, text
from xeninstall.answers.keys import keys
from xeninstall.answers.schema import schema


def nodes(node: Any) -> list[dict[str, Any]]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [node] * isinstance(node, dict) + [found for item in inner for found in nodes(item)]


def test_it_is_a_json_schema_with_a_title() -> None:
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["title"] == "xeninstall answer file"
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("name", names())
def test_each_example_passes_it(name: str) -> None:
    jsonschema.validate(tomllib.loads(text(name)), schema())


@pytest.mark.parametrize(
    "bad",
    [
        {"hostt": {}},
        {"network": {"vlan": 4095}},
        {"network": {"ipv4": {"method": "statik"}}},
        {"disk": {"path": "sda"}},
        {"disk": {"erase": "true"}},
        {"disk": {"system_size": "a lot"}},
        {"disk": {"mirror": None}},
        {"firewall": {"open": ["tcp/70000"]}},
        {"network": {"bond": {"members": ["eno1"]}}},
    ],
)
def test_an_editor_marks_what_the_model_would_refuse(bad: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema())


def test_every_key_has_its_description_and_none_may_be_null() -> None:
    made = schema()
    described = json.dumps(made)
    for key in keys():
        assert json.dumps(key.field.description) in described
    assert not [node for node in nodes(made) if node.get("type") == "null"]
