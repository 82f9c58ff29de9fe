"""The journal survives what interrupts a run, and refuses to go on with something else."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.given import image_plan
from xeninstall.apply.journal import Journal
from xeninstall.base.errors import Error, UsageError


def _written(tmp_path: Path) -> tuple[Journal, Path]:
    journal = Journal.start(image_plan())
    journal.finished, journal.stage = ["prepare", "partition"], "filesystems"
    path = tmp_path / "journal.json"
    journal.write(path)
    return journal, path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    journal, path = _written(tmp_path)
    assert Journal.read(path) == journal
    assert [entry.name for entry in tmp_path.iterdir()] == ["journal.json"], "nothing half-written lies about"


def test_a_write_that_fails_leaves_the_old_one_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, path = _written(tmp_path)
    before = path.read_bytes()

    def no_room(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_room)
    journal.finished.append("filesystems")
    with pytest.raises(Error) as caught:
        journal.write(path)
    assert caught.value.message == f"the journal {path} cannot be written: No space left on device"
    assert caught.value.hint == "make room there, then use --resume"
    assert path.read_bytes() == before


def test_none_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Journal.read(tmp_path / "none.json")
    assert caught.value.message == f"there is no journal {tmp_path}/none.json: nothing to resume"
    assert caught.value.hint == "start anew, without --resume"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 400))
def test_a_damaged_one_is_refused_in_words(tmp_path: Path, junk: bytes, cut: int) -> None:
    path = _written(tmp_path)[1]
    data = path.read_bytes()
    for bad in (junk, data[: min(cut, len(data) - 3)], data.replace(b'"format": 1', b'"format": 2')):
        path.write_bytes(bad)
        with pytest.raises(UsageError, match=r"the journal .* cannot be read \(ValidationError\)"):
            Journal.read(path)


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="IsADirectoryError"):
        Journal.read(tmp_path)


def test_it_goes_on_with_the_same_plan_only() -> None:
    journal = Journal.start(image_plan())
    journal.must_match(image_plan())
    with pytest.raises(UsageError) as caught:
        journal.must_match(image_plan('[host]\nname = "other"'))
    assert caught.value.message == "the answers, the machine or the system image differ from those of the interrupted run"
    assert caught.value.hint.startswith("restore them and use --resume, or start anew without it")


def test_it_holds_no_secret(tmp_path: Path) -> None:
    secret = '[root]\npassword_hash = "$6$MARKERHASH$' + "x" * 60 + '"\n[hooks]\nfirst_boot = "#!/bin/sh\\necho MARKER"'
    path = tmp_path / "journal.json"
    Journal.start(image_plan(secret)).write(path)
    assert "MARKER" not in path.read_text()
