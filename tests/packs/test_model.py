"""pack.toml: what it may say, and how its mistakes are named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xeninstall.packs.errors import PackError
from xeninstall.packs.model import Manifest

from .given import FILES, KERNEL, manifest

_DIGEST = "0" * 64


def test_its_text_is_read_back_into_an_equal_value() -> None:
    made = manifest(description='A "quoted" line', load=("raid",))
    assert Manifest.parse(made.text().encode()) == made


def test_modules_are_called_as_the_kernel_calls_them() -> None:
    made = manifest({"modules/a-b.ko": b"", "modules/sub/c.ko.zst": b"", "modules/d.ko.xz": b""})
    assert made.modules == ("a_b", "c", "d")
    assert made.loads == made.modules
    assert manifest(load=()).loads == ()


@pytest.mark.parametrize(
    ("part", "early"), [("modules/raid.ko", True), ("firmware/x", True), ("debs/x.deb", True), ("templates/x", False)]
)
def test_the_initramfs_changes_with_all_but_templates(part: str, early: bool) -> None:
    assert manifest({part: b""}).early is early


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Acme"}, "name: string should match pattern"),
        ({"name": "../x"}, "name: string should match pattern"),
        ({"version": "1 2"}, "version: string should match pattern"),
        ({"kind": "virus"}, "kind: input should be 'driver' or 'supplemental'"),
        ({"kernel": "6.12/x"}, "kernel: string should match pattern"),
        ({"kernel": None}, "it has modules, but does not say for which kernel"),
        ({"load": ["other"]}, "load names other, which is not in modules/"),
        ({"load": ["--all"]}, "load names --all, which is not in modules/"),
        ({"files": {}}, "it names no file"),
        ({"files": {"modules/x.ko": "abc"}}, "files.modules/x.ko: string should match pattern"),
        (
            {"files": {"modules/x.txt": _DIGEST}},
            "modules/x.txt is no kernel module: its name ends in .ko, .ko.gz, .ko.xz or .ko.zst",
        ),
        ({"files": {"debs/x y.deb": _DIGEST}}, "debs/x y.deb is no Debian package: its name ends in .deb"),
        ({"files": {"debs/-x.deb": _DIGEST}}, "debs/-x.deb is no Debian package: its name ends in .deb"),
        ({"files": {"bin/sh": _DIGEST}}, "bin/sh lies outside of modules/, firmware/, debs/, templates/"),
        ({"files": {"firmware/./x": _DIGEST}}, "firmware/./x lies outside of modules/, firmware/, debs/, templates/"),
        ({"files": {"firmware/../x": _DIGEST}}, "firmware/../x leads out of the pack"),
        ({"description": "a\x1b"}, "its description has a control character"),
        ({"surprise": 1}, "surprise: extra inputs are not permitted"),
        ({"format": 2}, "format: input should be 1"),
    ],
)
def test_each_mistake_is_named(changes: dict[str, object], said: str) -> None:
    from xeninstall.answers.toml import toml_value

    right: dict[str, object] = {"format": 1, "name": "a", "version": "1", "kind": "driver", "kernel": KERNEL}
    files = {"modules/raid.ko": _DIGEST}
    fields = {**right, **changes}
    files = fields.pop("files", files)  # type: ignore[assignment]
    text = "".join(f"{key} = {toml_value(value)}\n" for key, value in fields.items() if value is not None)
    text += "[files]\n" + "".join(f"{toml_value(path)} = {toml_value(digest)}\n" for path, digest in files.items())
    with pytest.raises(PackError) as caught:
        Manifest.parse(text.encode())
    assert said in caught.value.message
    assert caught.value.hint


def test_what_is_no_toml_is_said_to_be_none() -> None:
    for data, said in (
        (b"\xff", "pack.toml is not text in UTF-8"),
        (b"a = ", "pack.toml is no TOML"),
        (b"[" * 5000, "pack.toml is no TOML"),
    ):
        with pytest.raises(PackError) as caught:
            Manifest.parse(data)
        assert said in caught.value.message


@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_whatever_stands_there_is_read_or_refused(data: bytes) -> None:
    try:
        Manifest.parse(data)
    except PackError as error:
        assert error.message and error.hint


def test_sizes_of_a_whole_pack_are_listed_by_part() -> None:
    assert manifest().part("firmware") == ["firmware/acme/raid.bin"]
    assert set(manifest().files) == set(FILES)
