"""Sizes as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xeninstall.base.errors import UsageError
from xeninstall.base.sizes import GIB, KIB, MIB, TIB, format_duration, format_size, parse_size

_FACTORS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB}


@given(st.integers(0, 10**18 - 1), st.sampled_from(sorted(_FACTORS)), st.sampled_from(["", "B", "iB"]), st.booleans())
def test_a_number_with_a_unit_is_binary(number: int, unit: str, suffix: str, small: bool) -> None:
    written = f"{number}{unit}{suffix}"
    assert parse_size(written.lower() if small else written) == number * _FACTORS[unit]


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("16G", 16 * GIB), ("1.5T", 1536 * GIB), ("512MiB", 512 * MIB), ("4096", 4096), (" 0.5 G ", 512 * MIB), ("0", 0)],
)
def test_usual_ways_to_write_a_size(written: str, size_bytes: int) -> None:
    assert parse_size(written) == size_bytes


@pytest.mark.parametrize(
    "written",
    ["", "G", "-1G", "1,5G", "1.G", ".5G", "1e9", "16GG", "16 G G", "0x10", "٣G", "16\u212a", "9" * 19, "16G\nrm", "nan"],
)
def test_everything_else_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(written)
    assert caught.value.message.endswith("is not a size")
    assert caught.value.hint == "write a number with K, M, G or T, such as 16G"


@given(st.text(max_size=30))
def test_no_text_makes_it_stumble(written: str) -> None:
    try:
        assert parse_size(written) >= 0
    except UsageError as error:
        assert len(error.message) < 300


@given(st.integers(0, 2**60))
def test_what_is_shown_is_read_back_within_a_tenth_of_its_unit(size_bytes: int) -> None:
    shown = format_size(size_bytes)
    number, unit = shown.split()
    if unit == "bytes":
        assert int(number) == size_bytes
    else:
        assert abs(parse_size(shown) - size_bytes) <= _FACTORS[unit[0]] / 20 + 1


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (16 * GIB, "16 GiB"),
        (1536 * GIB, "1.5 TiB"),
        (9 * GIB + 1, "9 GiB"),
    ],
)
def test_sizes_are_shown_with_at_most_one_decimal(size_bytes: int, shown: str) -> None:
    assert format_size(size_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (65, "1 min 05 s"), (3599.6, "1 h 00 min"), (7380, "2 h 03 min")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown
