"""Its state apart, an answer file, and plans that are remembered instead of carried out."""

from pathlib import Path

import pytest

from tests.given import KEY
from xeninstall.apply import target
from xeninstall.apply.journal import Journal
from xeninstall.medium import session
from xeninstall.plan.system_image import SystemImage


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "STATE", tmp_path / "state")


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.toml"
    path.write_text(f'[disk]\nerase = true\nserial = "S64HNE0R501200"\n[root]\npassword_hash = "!"\nssh_keys = ["{KEY}"]\n')
    return path


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Journal]:
    """Plans are not carried out; what would have been is remembered."""
    found: list[Journal] = []

    def perform(plan: object, image: SystemImage, squashfs: Path, journal: Journal, *rest: object) -> Path:
        found.append(journal)
        return tmp_path / "run.log"

    monkeypatch.setattr(session, "perform", perform)
    return found
