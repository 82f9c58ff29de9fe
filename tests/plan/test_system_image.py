"""The description beside a squashfs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.given import SYSTEM
from xeninstall.base.errors import UsageError
from xeninstall.plan.system_image import SystemImage


def test_it_survives_the_way_through_json() -> None:
    assert SystemImage.from_json(SYSTEM.to_json(), where="x") == SYSTEM


def _changed(**changes: object) -> str:
    return json.dumps(json.loads(SYSTEM.to_json()) | changes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (_changed(sha256="xyz"), "system.json: sha256: "),
        (_changed(format=2), "system.json: format: "),
        (_changed(surprise=1), "system.json: surprise: "),
        (_changed(boot_files={"/boot/x": "short"}), "system.json: boot_files./boot/x: "),
        (json.dumps({"format": 1}), "system.json: product: "),
        ("{", "system.json: the file: "),
        ("", "system.json: the file: "),
        ("[]", "system.json: the file: "),
    ],
)
def test_a_wrong_one_names_the_file_and_the_field(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        SystemImage.from_json(text, where="system.json")
    assert caught.value.message.startswith(says)
    assert caught.value.hint == "build the image and its description anew with: make image"


@given(st.binary(max_size=200))
def test_no_bytes_make_it_stumble(data: bytes) -> None:
    with pytest.raises(UsageError):
        SystemImage.from_json(data, where="x")
