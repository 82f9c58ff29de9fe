"""An image is built anew when something that it is made from changed, and only then."""

import json
from pathlib import Path

import pytest

from iso import inputs

from .fake import source_tree


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A directory with a whole image of five bytes, made from inputs `abc`."""
    (tmp_path / inputs.IMAGE).write_bytes(b"image")
    (tmp_path / inputs.DESCRIPTION).write_text(json.dumps({"size_bytes": 5}))
    inputs.record(tmp_path / inputs.INPUTS, "abc")
    return tmp_path


def test_an_image_from_the_same_inputs_is_current(output: Path) -> None:
    assert inputs.is_current(output, "abc")


def test_an_image_from_other_inputs_is_not(output: Path) -> None:
    assert not inputs.is_current(output, "abd")


@pytest.mark.parametrize("name", [inputs.IMAGE, inputs.DESCRIPTION, inputs.INPUTS])
def test_without_one_of_its_three_files_it_is_not(output: Path, name: str) -> None:
    (output / name).unlink()
    assert not inputs.is_current(output, "abc")


@pytest.mark.parametrize("name", [inputs.DESCRIPTION, inputs.INPUTS])
@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"{\xff", b"7"])
def test_with_a_spoilt_record_it_is_not(output: Path, name: str, content: bytes) -> None:
    (output / name).write_bytes(content)
    assert not inputs.is_current(output, "abc")


def test_a_truncated_image_is_not(output: Path) -> None:
    (output / inputs.IMAGE).write_bytes(b"ima")
    assert not inputs.is_current(output, "abc")


@pytest.mark.parametrize(
    "name", ["iso/build.py", "iso/packages.txt", "xeninstall/__init__.py", "pyproject.toml", "xeninstall/new.toml"]
)
def test_any_changed_or_new_source_file_changes_the_digest(tmp_path: Path, name: str) -> None:
    before = inputs.image_digest(source_tree(tmp_path))
    (tmp_path / name).write_text("other")
    assert inputs.image_digest(tmp_path) != before


def test_a_renamed_file_changes_the_digest(tmp_path: Path) -> None:
    before = inputs.image_digest(source_tree(tmp_path))
    (tmp_path / "xeninstall/__init__.py").rename(tmp_path / "xeninstall/other.py")
    assert inputs.image_digest(tmp_path) != before


def test_what_python_leaves_behind_does_not_change_it(tmp_path: Path) -> None:
    before = inputs.image_digest(source_tree(tmp_path))
    (tmp_path / "xeninstall/__pycache__/more.cpython-313.pyc").write_text("compiled")
    assert inputs.image_digest(tmp_path) == before


def test_debians_part_is_kept_when_only_the_product_or_a_later_stage_changed(tmp_path: Path) -> None:
    source_tree(tmp_path)
    before = inputs.digest(tmp_path, inputs.base_files(tmp_path))
    (tmp_path / "xeninstall/__init__.py").write_text("other")
    (tmp_path / "iso/build.py").write_text("other")
    assert inputs.digest(tmp_path, inputs.base_files(tmp_path)) == before
    (tmp_path / "iso/packages.txt").write_text("other")
    assert inputs.digest(tmp_path, inputs.base_files(tmp_path)) != before


def test_a_second_package_of_ours_goes_in_when_it_is_there(tmp_path: Path) -> None:
    source_tree(tmp_path)
    (tmp_path / "p2v").mkdir()
    (tmp_path / "p2v/cli.py").write_text("convert")
    assert tmp_path / "p2v/cli.py" in inputs.product_files(tmp_path)
