"""What every test of the wizard has: English to begin with, no colour setting left over, and how goldens are renewed."""

import os
from collections.abc import Iterator

import pytest

from xeninstall.wizard.console import settings

# As on a Linux console, and before Textual is imported.
os.environ.update(settings({"TERM": "linux"}))


@pytest.fixture(autouse=True)
def same_for_all(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test begins in English, and with the same short list of keyboards whatever XKB this machine has."""
    if request.config.getoption("--renew-golden", default=False):
        os.environ["RENEW_GOLDEN"] = "1"
    os.environ.pop("NO_COLOR", None)
    from tests.wizard.driving import DATA  # these load Textual, which reads the settings above
    from xeninstall.wizard import xkb
    from xeninstall.wizard.kit.language import switch

    monkeypatch.setattr(xkb, "_LISTS", (str(DATA / "xkb.lst"),))
    xkb.layouts.cache_clear()
    switch("en")
    yield
    switch("en")
