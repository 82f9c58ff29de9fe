"""A run that is told to end does so after it has noted what it took."""

import os
import signal
import threading

import pytest

from xeninstall.base.interruption import held

pytestmark = pytest.mark.usefixtures("interruptible")


def test_what_ends_the_run_waits_until_the_block_is_left() -> None:
    noted = False
    with pytest.raises(KeyboardInterrupt), held():
        os.kill(os.getpid(), signal.SIGINT)
        noted = True
    assert noted


def test_a_failure_within_is_not_lost_behind_the_interruption() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, held():
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("the mount failed")
    assert isinstance(caught.value.__context__, ValueError)


def test_afterwards_signals_are_handled_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with held():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_another_thread_changes_nothing() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
