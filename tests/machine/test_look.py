"""Looking never raises for what a machine lacks; notes say what stayed unseen."""

import os

import pytest

from xeninstall.machine.look import Look, clean, whole

from .computer import Computer, Recorder


def test_a_missing_file_is_nothing_and_noted_only_on_request(computer: Computer) -> None:
    look = computer.look()
    assert (
        look.text("/nowhere"),
        look.line("/nowhere"),
        look.number("/nowhere"),
        look.names("/nowhere"),
        look.target("/nowhere"),
    ) == (None, "", None, [], "")
    assert look.notes == []
    look.text("/nowhere", noted="thing")
    look.text("/nowhere", noted="thing")
    assert look.notes == ["thing not seen: /nowhere: No such file or directory"]


def test_a_command_that_hangs_is_stopped_and_noted(computer: Computer) -> None:
    computer.command(["slow"], "", hangs=True)
    look = computer.look()
    assert look.ask(["slow"], about="it", seconds=0.5) is None
    assert computer.runner.answers["slow",].stopped
    assert look.notes == ["it not seen: slow: it took more than 0.5 s"]


def test_a_command_that_fails_is_noted_with_what_it_said(computer: Computer) -> None:
    computer.command(["bad"], "", status=3, stderr="usage:\nno such \x1b thing\n")
    look = computer.look()
    assert look.ask(["bad"], about="it") is None
    assert look.notes == ["it not seen: bad failed: no such thing"]


def test_a_command_that_fails_in_part_is_still_heard(computer: Computer) -> None:
    computer.command(["partly"], "answer", status=64)
    done = computer.look().ask(["partly"], about="it")
    assert done is not None and done.stdout == "answer"


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), ("12", 12), ("-1", -1), (True, None), ("", None), ("1x", None), (None, None), ("9" * 30, None), ("²", None)],
)
def test_only_numbers_are_numbers(value: object, number: int | None) -> None:
    assert whole(value) == number


def test_text_from_hardware_is_bounded_and_printable() -> None:
    assert clean("a\x00b\x1b[1mc\n  d" + "x" * 500, 12) == "a b [1mc dxx"
    assert clean(None) == clean(7) == ""


def test_links_that_lead_in_circles_lead_nowhere_and_do_no_harm(computer: Computer) -> None:
    computer.link("/a", "b")
    computer.link("/b", "a")
    look = computer.look()
    assert not look.exists("/a") and look.text("/a") is None and look.names("/a") == []
    assert isinstance(look.place("/a"), str)


def test_a_file_of_proc_sys_is_read_although_it_refuses_large_reads() -> None:
    look = Look(Recorder())
    assert look.line("/proc/sys/kernel/osrelease") == os.uname().release and not look.notes
