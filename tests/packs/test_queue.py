"""Packs that wait for the installation that follows."""

from pathlib import Path

import pytest

from xeninstall.packs.errors import PackError
from xeninstall.packs.model import Pack
from xeninstall.packs.queue import as_answer, forget, prepare, put, queued, with_queued
from xeninstall.packs.read import read
from xeninstall.packs.verify import verify

from .given import FILES, RUNNER, folder, manifest, new_key, silent


def load(source: Path, queue: Path, *keys: object) -> Pack:
    """As the verb does it, without the kernel."""
    with read(str(source), RUNNER, silent, prepare(queue)) as tree:
        return put(verify(tree, str(source), keys, RUNNER), queue)  # type: ignore[arg-type]


def test_a_pack_waits_whole_and_for_root_alone(tmp_path: Path) -> None:
    kept = load(folder(tmp_path / "pack"), queue := tmp_path / "queue")
    assert queued(queue) == [kept]
    assert {path for path in kept.manifest.files if (kept.place / path).is_file()} == set(FILES)
    assert queue.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in queue.iterdir()] == ["acme-raid"]


def test_a_newer_version_takes_the_place_of_the_older(tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    load(folder(tmp_path / "old"), queue)
    newer = load(folder(tmp_path / "new", FILES, manifest(version="2.0").text()), queue)
    assert queued(queue) == [newer]
    forget("acme-raid", queue)
    assert queued(queue) == []


def test_nothing_waits_where_nothing_was_loaded(tmp_path: Path) -> None:
    assert queued(tmp_path / "gone") == []
    assert with_queued((), tmp_path / "gone") == ()


def test_a_waiting_pack_is_an_answer_that_means_this_very_pack(tmp_path: Path) -> None:
    path, key = new_key(tmp_path)
    queue = tmp_path / "queue"
    signed = load(folder(tmp_path / "signed", key=path), queue, key)
    unsigned = load(folder(tmp_path / "bare", FILES, manifest(name="bare").text()), queue)
    one, other = with_queued((), queue)
    assert (one.source, one.sha256, one.key, one.allow_unsigned) == (signed.source, signed.digest, key.text, False)
    assert (other.source, other.sha256, other.key, other.allow_unsigned) == (unsigned.source, unsigned.digest, None, True)
    assert with_queued((as_answer(signed),), queue) == (one, other), "each once"


def test_a_damaged_record_says_what_to_remove(tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    load(folder(tmp_path / "pack"), queue)
    (queue / "acme-raid/record.json").write_text("{")
    with pytest.raises(PackError) as caught:
        queued(queue)
    assert caught.value.message == "the queued pack acme-raid cannot be read"
    assert caught.value.hint == f"remove {queue}/acme-raid, and load the pack again"
