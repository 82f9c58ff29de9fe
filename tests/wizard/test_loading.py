"""What stands behind the screens about packs: the real reading, checking and keeping; the kernel's part is played."""

from pathlib import Path

import pytest

from tests.given import Recorder
from tests.packs.given import KERNEL, RUNNER, folder, new_key, silent
from xeninstall.answers.model import PackSource
from xeninstall.base.errors import Error
from xeninstall.packs.load import Loaded
from xeninstall.packs.model import Pack, Trust
from xeninstall.packs.queue import queued
from xeninstall.wizard import loading
from xeninstall.wizard.loading import PackLoader


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackLoader:
    """With a queue of the test's own and a kernel that takes everything."""
    monkeypatch.setattr(loading, "load", lambda pack, runner, emit: Loaded(pack, ("raid",), ("sdb",), ()))
    return PackLoader(RUNNER, KERNEL, tmp_path / "queue")


def test_a_pack_is_opened_loaded_and_kept_for_the_installation(loader: PackLoader, tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    opened = loader.open(str(source), silent)
    assert opened.signature.trust is Trust.UNSIGNED, "the screen asks about that"
    done = loader.load(silent)
    assert queued(tmp_path / "queue") == [done.pack]
    with pytest.raises(Error):
        loader.load(silent)
    loader.close()
    assert (done.pack.place / "modules/raid.ko").is_file()


def test_what_was_only_looked_at_is_forgotten(loader: PackLoader, tmp_path: Path) -> None:
    first: Pack = loader.open(str(folder(tmp_path / "one")), silent)
    second = loader.open(str(folder(tmp_path / "two")), silent)
    assert not first.place.exists() and second.place.exists()
    loader.close()
    assert not list((tmp_path / "queue").iterdir())


def test_a_pack_of_an_answer_file_is_read_but_not_loaded(loader: PackLoader, tmp_path: Path) -> None:
    path, key = new_key(tmp_path)
    source = str(folder(tmp_path / "pack", key=path))
    staged = loader.stage(PackSource(source=source, key=key.text), silent)
    assert staged.signature.trust is Trust.TRUSTED and staged.place.is_dir()
    assert queued(tmp_path / "queue") == []
    with pytest.raises(Error):
        loader.stage(PackSource(source=str(folder(tmp_path / "bare"))), silent)
    loader.close()
    assert not staged.place.exists()


def test_searching_asks_what_is_attached(tmp_path: Path) -> None:
    runner = Recorder()
    assert PackLoader(runner, KERNEL, tmp_path).find() == []
    assert runner.programs() == ["lsblk"]
