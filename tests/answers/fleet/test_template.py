"""Placeholders: what they become, and that no value can become anything but a value."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xeninstall.answers.fleet.inventory import Row, Value
from xeninstall.answers.fleet.template import columns_in, fill


def row(**values: Value) -> Row:
    return Row(2, dict(values), dict.fromkeys(values, 2))


def filled(toml: str, **values: Value) -> dict[str, object]:
    made = fill(tomllib.loads(toml), row(**values), frozenset(values))
    assert not made.template_faults and not made.row_faults
    return made.data


def test_a_column_amid_text_and_as_the_whole() -> None:
    assert filled('a = "{x}/24"\nb = "{x}"\nc = 3', x="192.0.2.1") == {"a": "192.0.2.1/24", "b": "192.0.2.1", "c": 3}


def test_numbers_truths_and_lists_from_text() -> None:
    toml = 'n = "{n:int}"\nt = "{t:bool}"\nl = "{l:list}"\nm = ["first", "{l:list}", "last"]'
    expected = {"n": 12, "t": True, "l": ["a", "b"], "m": ["first", "a", "b", "last"]}
    assert filled(toml, n="12", t="True", l="a  b") == expected


def test_a_typed_column_stays_what_it_is() -> None:
    assert filled('n = "{n}"\nl = "{l}"\ns = "rack{n}"', n=12, l=("a", "b")) == {"n": 12, "l": ["a", "b"], "s": "rack12"}


def test_an_empty_column_leaves_its_key_out() -> None:
    assert filled('[t]\na = "{x}"\nb = "x{x}"\nc = ["{x}"]', x="") == {"t": {"b": "x", "c": []}}


def test_braces_and_scripts() -> None:
    assert filled('a = "{{x}}"\nb = "#!/bin/sh\\necho ${x} {"', x="1") == {"a": "{x}", "b": "#!/bin/sh\necho ${x} {"}


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('a = "{nam}"', "there is no column nam; did you mean name?"),
        ('a = "{zzz}"', "there is no column zzz; add it to the list of machines"),
        ('a = "{name:float}"', "{name:float} is no placeholder"),
        ('a = "{}"', "{} is no placeholder"),
        ('a = "{../x}"', "{../x} is no placeholder"),
        ('a = "x{"', "a single {; write {{ for a brace"),
        ('a = "x{name:list}"', "is no text, and stands amid one"),
    ],
)
def test_a_placeholder_that_is_wrong_is_the_templates_fault(toml: str, says: str) -> None:
    made = fill(tomllib.loads(toml), row(name="x"), frozenset({"name"}))
    assert [place for place, _ in made.template_faults] == [("a",)] and says in made.template_faults[0][1]


def test_a_value_that_is_no_number_is_the_machines_fault() -> None:
    made = fill({"a": "{x:int}", "b": ["{y:bool}"]}, row(x="1e3", y="ja"), frozenset({"x", "y"}))
    assert [said for _, said in made.row_faults] == [
        "'1e3' is not a whole number; write digits alone",
        "'ja' is neither true nor false; write one of them",
    ]


@given(st.text(max_size=60))
def test_no_value_becomes_a_key(value: str) -> None:
    made = fill({"a": {"b": "x{v}y"}}, row(v=value), frozenset({"v"}))
    assert made.data == {"a": {"b": f"x{value}y"}}
    assert made.columns_of(("a", "b")) == ("v",) and made.columns_of(("a",)) == ("v",)


def test_columns_that_are_named() -> None:
    assert columns_in({"a": "{x}{y:int}", "b": ["{z}", {"c": "#!{n}"}], "d": "{{q}}"}) == {"x", "y", "z"}
