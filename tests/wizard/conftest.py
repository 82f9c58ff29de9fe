"""What every test of the wizard has: English to begin with, no colour setting left over, and how goldens are renewed."""

import os
from collections.abc import Iterator

import pytest

from xeninstall.wizard.console import settings

# As on a Linux console, and before Textual is imported.
os.environ.update(settings({"TERM": "linux"}))


@pytest.fixture(autouse=True)
def english(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins in English."""
    if request.config.getoption("--renew-golden", default=False):
        os.environ["RENEW_GOLDEN"] = "1"
    os.environ.pop("NO_COLOR", None)
    from xeninstall.wizard.kit.language import switch  # loads Textual, which reads the settings above

    switch("en")
    yield
    switch("en")
