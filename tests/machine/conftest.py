"""An empty computer for each test."""

from pathlib import Path

import pytest

from .computer import Computer


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return Computer(tmp_path)
