"""Finds every text that the wizard shows: what stands in `_("…")` and `counted("…", "…", n)`, read from the source.

`python -m tests.wizard.texts` prints the ones without a German translation, as entries to be filled in.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import p2v.wizard
import xeninstall
from xeninstall.wizard.kit.language import catalog

WIZARDS = (Path(xeninstall.__file__).parent / "wizard", Path(p2v.wizard.__file__).parent)
LOCALES = (Path(xeninstall.__file__).parent / "locale", Path(p2v.wizard.__file__).parent.parent / "locale")


def texts() -> dict[str, str]:
    """Each text, and the file that it stands in."""
    found: dict[str, str] = {}
    for folder in WIZARDS:
        for path in sorted(folder.rglob("*.py")):
            for text in _in(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(text, str(path.relative_to(folder.parent.parent)))
    return found


def _in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "counted"):
            for argument in node.args[: 1 if node.func.id == "_" else 2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


if __name__ == "__main__":
    known = catalog("de")
    for text, path in texts().items():
        if not known.get(text):
            print(f'#: {path}\nmsgid {json.dumps(text, ensure_ascii=False)}\nmsgstr ""\n')
