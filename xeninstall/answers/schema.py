"""The JSON Schema of answer files, from the same model that reads them; editors complete and check with it."""

from typing import Any

from .sections import Sections

_TITLE = "xeninstall answer file"


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12). Rules across keys are not in it; `xeninstall check` knows those too."""
    made = _without_null(Sections.model_json_schema())
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": _TITLE}
    about = "What xeninstall installs; xeninstall-answers(5) describes every key."
    return {**head, "description": about, **{key: value for key, value in made.items() if key not in ("title", "description")}}


def _without_null(node: Any) -> Any:  # noqa: ANN401 — any part of a JSON document
    """TOML has no null: what pydantic calls "text or null" is a text that may be left out."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {key: _without_null(value) for key, value in node.items() if not (key == "default" and value is None)}
    choices = out.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        choices = [choice for choice in choices if choice != {"type": "null"}]
        if len(choices) == 1:
            del out["anyOf"]
            return {**choices[0], **out}
        out["anyOf"] = choices
    return out
