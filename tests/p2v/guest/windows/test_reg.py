"""Registry text: what hivex writes is read back as it was, whatever the type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2v.guest.apply import RepairError
from p2v.guest.windows.hive import check, merge, read_keys
from p2v.guest.windows.model import DeleteKey, Registry, SetValue, Value
from p2v.guest.windows.reg import changes_text, parse
from tests.p2v.hives import empty_hive
from xeninstall.base.run import SystemRunner

from .systems import export

_names = st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="\\"), max_size=20).map(str.strip)
_values = st.one_of(
    st.integers(0, 2**32 - 1),
    st.text(st.characters(codec="utf-16-le", exclude_characters="\0"), max_size=30),
    st.binary(max_size=40),
).map(Value.of)


@settings(max_examples=40)
@given(name=_names, value=_values)
def test_a_value_is_read_as_it_was_written(name: str, value: Value) -> None:
    found = parse(changes_text([SetValue("SYSTEM", "A\\B", name, value, "")]))
    assert found == {"A": {}, "A\\B": {name: value}}


def test_hivex_takes_and_returns_every_type() -> None:
    values = {
        "n": Value.of(7),
        "s": Value.of('a "b" \\c ü'),
        "e": Value.of("%x%", expand=True),
        "m": Value.of(["a", "b"]),
        "b": Value.of(b"\0\xff"),
    }
    changes = [SetValue("SYSTEM", "Deep\\Key", name, value, "") for name, value in values.items()]
    made = merge(empty_hive(), changes, SystemRunner())
    assert read_keys(made, ["Deep", "deep\\KEY", "None"]) == {"Deep": {}, "deep\\KEY": values}
    assert export(made) == {"": {}, "Deep": {}, "Deep\\Key": values}
    gone = merge(made, [DeleteKey("SYSTEM", "Deep\\Key", ""), DeleteKey("SYSTEM", "Never\\There", "")], SystemRunner())
    assert export(gone) == {"": {}, "Deep": {}}


def test_names_are_found_whatever_their_case() -> None:
    registry = Registry({"ControlSet001\\Services": {}, "ControlSet001\\Services\\AtaPI": {"Start": Value.of(3)}})
    assert registry.has("controlset001\\services\\atapi")
    assert registry.value("ControlSet001\\SERVICES\\atapi", "START") == Value.of(3)
    assert registry.children("ControlSet001\\Services") == ["AtaPI"]


@pytest.mark.parametrize(
    ("hive", "message"),
    [
        (b"", "the registry of the Windows system is damaged"),
        (bytes(8192), "the registry of the Windows system is damaged"),
        (empty_hive()[:4] + b"\x07" + empty_hive()[5:], "the registry was not closed: the Windows system was not shut down"),
    ],
)
def test_what_is_no_whole_hive_is_refused(hive: bytes, message: str) -> None:
    with pytest.raises(RepairError, match=message) as raised:
        check(hive)
    assert raised.value.hint


def test_a_hostile_hive_is_an_error_and_no_crash() -> None:
    good = merge(empty_hive(), [SetValue("SYSTEM", "A", "b", Value.of(1), "")], SystemRunner())
    for place in range(4096 + 32, 4096 + 600, 91):
        broken = good[:place] + b"\xff" * 8 + good[place + 8 :]
        try:
            merge(broken, [SetValue("SYSTEM", "A\\B", "c", Value.of(2), "")], SystemRunner())
        except RepairError as error:
            assert "the registry " in error.message and error.hint
