"""Narration in the log."""

import logging

import pytest

from xeninstall.base.steps import step


def test_a_step_is_told_with_its_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "xeninstall"), step("Unpacking"):
        pass
    begin, end = caplog.messages
    assert begin == "Unpacking …"
    assert end.startswith("Unpacking: done in ") and end.endswith(" s")


@pytest.mark.parametrize("cause", [ValueError("secret"), KeyboardInterrupt()])
def test_what_ends_it_early_passes_through_and_is_named_without_its_text(
    cause: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "xeninstall"), pytest.raises(type(cause)), step("Unpacking"):
        raise cause
    assert type(cause).__name__ in caplog.messages[-1]
    assert "secret" not in caplog.text
