"""The packs of an answer file: read and judged one by one, taken from the queue where they wait, gone at the end."""

from pathlib import Path

import pytest

from xeninstall.answers.model import PackSource
from xeninstall.base.errors import Error
from xeninstall.packs.gather import gathered
from xeninstall.packs.queue import as_answer

from .given import FILES, KERNEL, RUNNER, folder, manifest, new_key, silent
from .test_queue import load


def names(place: Path, *wanted: PackSource, kernel: str = KERNEL) -> list[str]:
    (place / "scratch").mkdir(exist_ok=True)
    with gathered(wanted, RUNNER, silent, kernel, place / "scratch", place / "queue") as packs:
        assert all((pack.place / path).is_file() for pack in packs for path in pack.manifest.files)
        found = [pack.manifest.title for pack in packs]
    assert not list((place / "scratch").iterdir())
    return found


def refused(place: Path, *wanted: PackSource, kernel: str = KERNEL) -> str:
    with pytest.raises(Error) as caught:
        names(place, *wanted, kernel=kernel)
    return caught.value.message


def test_a_pack_with_a_pinned_key_needs_no_other_trust(tmp_path: Path) -> None:
    path, key = new_key(tmp_path)
    source = str(folder(tmp_path / "pack", key=path))
    assert names(tmp_path, PackSource(source=source, key=key.text)) == ["acme-raid 1.2"]
    other = new_key(tmp_path, "other")[1]
    said = refused(tmp_path, PackSource(source=source, key=other.text))
    assert said.startswith(f"{source}: acme-raid 1.2 is signed by a key that is not trusted here")


def test_each_refusal_names_its_source(tmp_path: Path) -> None:
    source = str(folder(tmp_path / "pack"))
    assert refused(tmp_path, PackSource(source=source)) == f"{source}: acme-raid 1.2 is unsigned"
    unsigned = PackSource(source=source, allow_unsigned=True)
    assert names(tmp_path, unsigned) == ["acme-raid 1.2"]
    assert refused(tmp_path, unsigned, kernel="6.1").startswith(f"{source}: acme-raid 1.2 has modules for the kernel {KERNEL}")
    pinned = PackSource(source=source, sha256="0" * 64, allow_unsigned=True)
    assert refused(tmp_path, pinned).startswith(f"{source}: this is another pack than was asked for")
    assert refused(tmp_path, PackSource(source="/gone/x")) == "there is no /gone/x"


def test_a_pack_that_waits_is_not_read_again(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    waiting = as_answer(load(source, tmp_path / "queue"))
    (source / "pack.toml").unlink()
    assert names(tmp_path, waiting) == ["acme-raid 1.2"]


def test_two_packs_of_one_name_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    old = PackSource(source=str(folder(tmp_path / "old")), allow_unsigned=True)
    same = PackSource(source=str(folder(tmp_path / "same")), allow_unsigned=True)
    new = PackSource(source=str(folder(tmp_path / "new", FILES, manifest(version="2.0").text())), allow_unsigned=True)
    assert names(tmp_path, old, same) == ["acme-raid 1.2"]
    assert refused(tmp_path, old, new) == "two packs are called acme-raid: 1.2 and 2.0"
