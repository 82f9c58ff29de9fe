"""Options and fixtures of every test."""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Other tests, builds and emulators run on the same two cores: how long an example takes says nothing.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Golden files are renewed on demand only: pytest tests/plan/test_golden.py --renew-golden, then read the diff."""
    parser.addoption("--renew-golden", action="store_true", help="write the golden plans anew instead of comparing with them")


def pytest_configure(config: pytest.Config) -> None:
    """In CI a test that writes its own expectation would prove nothing."""
    if config.getoption("--renew-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--renew-golden is not for CI: renew on your own machine and commit the diff")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs root is left out, and shown as such, when somebody else runs the tests."""
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture
def own_signals() -> Iterator[None]:
    """For tests that call `cli.main` in this process, which takes signals for itself."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl+C ends the test's program even where the tests run in the background, which is deaf to it."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, kept)


@pytest.fixture
def quiet_log() -> Iterator[logging.Logger]:
    """The product's logger, as it was before when the test ends."""
    logger = logging.getLogger("xeninstall")
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(level)
    logger.handlers = handlers
