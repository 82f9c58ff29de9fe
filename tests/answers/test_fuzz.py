"""Whatever the file holds, the outcome is Answers or AnswersError, never anything else."""

import random
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xeninstall.answers.examples import names, text
from xeninstall.answers.keys import keys
from xeninstall.answers.load import AnswersError, check, load
from xeninstall.answers.model import Answers
from xeninstall.answers.toml import toml_value

GOOD = [text(name) for name in names()]
KEYS = [key.path.replace("[]", "") for key in keys()]


def outcome(data: bytes) -> Answers | AnswersError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.toml")
        path.write_bytes(data)
        problems = check(path)
        try:
            answers = load(path)
        except AnswersError as error:
            assert error.message == "\n".join(problem.shown(path) for problem in error.problems)
            assert all(problem.text and "\n" not in problem.shown("f") for problem in error.problems)
            # check does not read standard input, and load has none here
            assert problems == list(error.problems) or "no standard input" in error.message
            return error
        assert problems == []
        return answers


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    outcome(data)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["static", "auto", "192.0.2.10/24", "fe80::1", "S1", "#!/bin/sh", "eno1", "!", "/dev/sda", "16G"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["serial", "erase", "method", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def inline(value: Any) -> str:
    match value:
        case None:
            return "nan"
        case dict():
            return "{" + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(inline(item) for item in value) + "]"
        case str():
            return toml_value(value.replace("\n", " "))
        case _:
            return toml_value(value)


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=8))
def test_random_values_behind_real_keys(data: dict[str, Any]) -> None:
    outcome("".join(f"{key} = {inline(value)}\n" for key, value in data.items()).encode("utf-8", "replace"))


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(GOOD), st.randoms(use_true_random=False), st.integers(1, 4))
def test_good_files_with_damage(good: str, chance: random.Random, times: int) -> None:
    data = bytearray(good.encode())
    for _ in range(times):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(1, 30)]
            case 2:
                data[at:at] = chance.choice([b"\n", b'"', b"'''", b"[", b"]", b"{", b"= ", b"9" * 20, b"\\", b"#"])
            case _:
                data[at:at] = data[: chance.randrange(1, 60)]
    outcome(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b"a." * 500_000 + b"a = 1",
        b"[" + b"a." * 500_000 + b"a]",
        b'"a"."a".' * 100_000 + b"a = 1",
        b"a = " + b"[" * 500_000,
        b"a = " + b"{a=" * 300_000,
        b"a = " + b"9" * 1_000_000,
        b"a = 0x" + b"f" * 1_000_000,
        b"xen.dom0_vcpus = 0x" + b"f" * 1_000_000,
        b"disk.system_size = -" + b"9" * 4000,
        b"network.mtu = 0x" + b"f" * 100_000,
        b"console.speed = 0x" + b"f" * 100_000,
        b"root.ssh_keys = [" + b"1," * 500_000 + b"]",
        b"root.ssh_keys = [" + b"'x'," * 200_000 + b"]",
        b"storage.extra_disks = [" + b"{}," * 300_000 + b"]",
        b"".join(b"k%d=1\n" % number for number in range(90_000)),
        b"[[storage.extra_disks]]\n" * 40_000,
        b"host.name = '" + b"x" * 1_000_000 + b"'",
        b"host.name = '''" + b"'\n" * 400_000 + b"x'''",
        b'host.name = "' + b"\\\\" * 500_000 + b'"',
        b"host.domain = '" + b"a." * 400_000 + b"a'",
        b"hooks.installed = '#!" + b"x" * 1_000_000 + b"'",
        b"#" * 1_000_000,
        b"\n" * 1_000_000 + b"x",
        b"x" * 1_000_000,
        b"\xff" * 1_000_000,
        "\u2028\u202e".encode() * 100_000 + b" = 1",
    ],
    ids=lambda data: repr(data[:24]),
)
def test_a_hostile_file_of_a_megabyte_is_refused_soon(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_bytes(data[: 2**20])
    started = time.process_time()
    assert check(path)
    assert time.process_time() - started < 5
