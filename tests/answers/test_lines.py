"""Every key of a TOML file is found on its line, in whichever way it is written."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xeninstall.answers.lines import Lines, Place

TEXT = '''top = 1
a.b."c.d" = """
# no comment
[not.a.table]
"""            # 2
[ table ]      # 6
x = [ 1, # ]
  "],[",       # 8
  { y = 1, 'z' = '}' }, ]
text = \'\'\'
"\'\'\'\'          # ends with a quote
after = 1979-05-27 07:32:00 # 12
[[many]]
k = 1
[many.below]   # 15
k = 2
[[many]]
k = 3
[[many.more]]
k = "\\"\\\\"  # 20
[many.below]
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("top",), 1),
        (("a",), 2),
        (("a", "b", "c.d"), 2),
        (("table",), 6),
        (("table", "x"), 7),
        (("table", "x", 0), 7),
        (("table", "x", 1), 8),
        (("table", "x", 2, "z"), 9),
        (("table", "text"), 10),
        (("table", "after"), 12),
        (("many",), 13),
        (("many", 0, "k"), 14),
        (("many", 0, "below"), 15),
        (("many", 0, "below", "k"), 16),
        (("many", 1), 17),
        (("many", 1, "k"), 18),
        (("many", 1, "more", 0, "k"), 20),
        (("many", 1, "below"), 21),
        (("many", 1, "below", "absent", "deeper"), 21),
        (("table", "absent"), 6),
        (("absent",), 1),
        ((), 1),
    ],
)
def test_a_key_is_found_on_its_line_and_what_is_not_there_at_its_table(place: Place, line: int) -> None:
    tomllib.loads(TEXT)
    assert Lines(TEXT).of(place) == line


def test_a_table_that_is_made_by_its_child_first_is_found_at_its_own_header() -> None:
    lines = Lines("[a.b]\nx = 1\n\n[a]\ny = 2\n")
    assert (lines.of(("a",)), lines.of(("a", "b")), lines.of(("a", "y"))) == (4, 1, 5)


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab.=[]{},\"'\\# \n1"), max_size=40))
def test_every_key_of_whatever_is_toml_is_found(text: str) -> None:
    lines = Lines(text)  # never fails, also where this is not TOML
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for place in places(data):
        assert place in lines._lines


def places(value: Any, at: Place = ()) -> list[Place]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [place for key, item in inner for place in places(item, (*at, key))]
