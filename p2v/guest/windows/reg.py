"""The text form of registry keys (`Windows Registry Editor Version 5.00`), as hivexregedit writes and reads it."""

import re
from collections.abc import Iterable

from .model import BINARY, DWORD, DeleteKey, SetValue, Value

_HEAD = "Windows Registry Editor Version 5.00\n"
_KEY = re.compile(r"^\[\\?(.*)\]$")
_VALUE = re.compile(r'^(?:@|"((?:[^"\\]|\\.)*)")=(.*)$')
_STRING = re.compile(r'^str\(([0-9a-f]+)\):"(.*)"$')
_HEX = re.compile(r"^hex(?:\(([0-9a-f]+)\))?:([0-9a-f,]*)$")


def parse(text: str) -> dict[str, dict[str, Value]]:
    """Keys with their values, by paths without a leading backslash. What is not understood is left out."""
    found: dict[str, dict[str, Value]] = {}
    current: dict[str, Value] = {}
    for line in text.replace("\\\n", "").splitlines():
        line = line.strip()
        if key := _KEY.match(line):
            current = found.setdefault(key[1], {})
        elif match := _VALUE.match(line):
            value = _value(match[2].replace(" ", ""), match[2])
            if value is not None:
                current[re.sub(r"\\(.)", r"\1", match[1] or "")] = value
    return found


def changes_text(changes: Iterable[SetValue | DeleteKey]) -> str:
    """What makes these changes when it is merged. Every key comes after those that it is in, which may be missing."""
    lines = [_HEAD]
    for change in changes:
        if isinstance(change, DeleteKey):
            lines.append(f"[-\\{change.key}]\n")
            continue
        parts = change.key.split("\\")
        lines += [f"[\\{chr(92).join(parts[:depth])}]\n" for depth in range(1, len(parts))]
        name = "@" if not change.name else '"' + change.name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        lines.append(f"[\\{change.key}]\n{name}={_written(change.value)}\n")
    return "\n".join(lines) + "\n"


def _written(value: Value) -> str:
    if value.type == DWORD and value.number is not None:
        return f"dword:{value.number:08x}"
    # As bytes, so that nothing depends on how a program encodes text.
    return f"hex({value.type:x}):{','.join(f'{byte:02x}' for byte in value.data)}"


def _value(packed: str, written: str) -> Value | None:
    if packed.startswith("dword:"):
        return Value.of(int(packed[6:], 16)) if re.fullmatch(r"[0-9a-f]{1,8}", packed[6:]) else None
    if match := _HEX.match(packed.lower()):
        numbers = [int(part, 16) for part in match[2].split(",") if part]
        return Value(int(match[1], 16) if match[1] else BINARY, bytes(number & 0xFF for number in numbers))
    if match := _STRING.match(written):
        return Value(int(match[1], 16), Value.of(re.sub(r"\\(.)", r"\1", match[2])).data)
    if written.startswith('"') and written.endswith('"'):
        return Value.of(re.sub(r"\\(.)", r"\1", written[1:-1]))
    return None
