"""Errors carry what to do next, and the exit code that the manual documents."""

import pytest

from xeninstall.base.errors import Error, ExitCode, RequirementError, Stopped, UsageError


@pytest.mark.parametrize(
    ("kind", "code"),
    [(Error, 1), (UsageError, 2), (RequirementError, 3), (Stopped, 4)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_kind_has_its_exit_code(kind: type[Error], code: int) -> None:
    error = kind("what failed", hint="what to do")
    assert (error.exit_code, error.message, error.hint, str(error)) == (code, "what failed", "what to do", "what failed")


def test_an_error_may_know_better() -> None:
    assert Error("x", exit_code=ExitCode.REQUIREMENTS).exit_code == 3
    assert Error.exit_code is ExitCode.FAILED, "the kind itself is as it was"


def test_success_is_zero() -> None:
    assert int(ExitCode.DONE) == 0
