"""The kernel's command line: taken apart as the kernel does it, and nothing dropped in silence."""

import pytest
from hypothesis import given, strategies

from xeninstall.answers.finish import After
from xeninstall.medium.words import TABLE, Mode, Resume, Words, parse, split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("quiet root=/dev/sda1", [("quiet", None), ("root", "/dev/sda1")]),
        ('a="b c" d', [("a", "b c"), ("d", None)]),
        ('"a=b c" d', [("a", "b c"), ("d", None)]),
        ('"a b"', [("a b", None)]),
        ('a=b"c d"e f', [("a", 'b"c d"e'), ("f", None)]),
        ('a="b c', [("a", "b c")]),
        ("a=b=c  \t d\n", [("a", "b=c"), ("d", None)]),
        ("a -- xeninstall.mode=shell", [("a", None)]),
        ("=x a=", [("=x", None), ("a", "")]),
        ("", []),
    ],
)
def test_words_are_taken_apart_as_the_kernel_does_it(line: str, words: list[tuple[str, str | None]]) -> None:
    assert list(split(line)) == words


@given(strategies.text(max_size=200))
def test_no_command_line_stops_us(line: str) -> None:
    parse(line)


def test_every_word_is_understood() -> None:
    line = (
        "BOOT_IMAGE=/vmlinuz boot=live xeninstall.mode=rescue xeninstall.answers=LABEL=NAME:/a.toml "
        'xeninstall.post="https://u:p@fleet/x y" xeninstall.ca=/ca.pem '
        f"xeninstall.fingerprint=sha256:{':'.join(['AB'] * 32)} xeninstall.webhook=http://h/ xeninstall.after=stay "
        "xeninstall.resume=restart xeninstall.wait=5 xeninstall.countdown=0 xeninstall.ssh=password "
        "xeninstall.ssh=https://h/keys xeninstall.verify xeninstall.medium=0123abcd xeninstall.safe"
    ).replace("/x y", "/x")
    assert parse(line) == Words(
        mode=Mode.RESCUE,
        answers="LABEL=NAME:/a.toml",
        post="https://u:p@fleet/x",
        ca="/ca.pem",
        fingerprint="ab" * 32,
        webhook="http://h/",
        after=After.STAY,
        resume=Resume.RESTART,
        wait_seconds=5,
        countdown_seconds=0,
        ssh=("password", "https://h/keys"),
        verify=True,
        safe=True,
    )
    assert {word.name for word in TABLE} == {name.partition(".")[2] for name, _ in split(line) if name.startswith("xeninstall.")}


def test_a_word_that_is_not_known_is_shown_with_the_nearest_one_and_without_its_value() -> None:
    found = parse("xeninstall.anwsers=https://root:MARKER@h/ xeninstall.zzz quiet xeninstal.mode=shell xorg.mode=1")
    assert found.warnings == (
        "xeninstall.anwsers is not known: did you mean xeninstall.answers?",
        f"xeninstall.zzz is not known: known are {', '.join(word.name for word in TABLE)}",
        "xeninstal.mode is not a word of ours: did you mean xeninstall.mode?",
    )
    assert not found.problems and found.mode is None


def test_of_a_repeated_word_the_last_one_counts_and_it_is_said() -> None:
    found = parse("xeninstall.mode=shell xeninstall.mode=wizard xeninstall.wait=1 xeninstall.wait=1")
    assert found.mode is Mode.WIZARD and found.wait_seconds == 1
    assert found.warnings == ("xeninstall.mode is given 2 times: the last one counts",)


def test_dashes_and_capitals_in_a_name_do_not_matter() -> None:
    assert parse("XenInstall.SAFE").safe


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("mode=intsall", "xeninstall.mode: 'intsall' is none of wizard, install, convert, rescue, shell; did you mean install?"),
        ("mode", "xeninstall.mode: has no value; write xeninstall.mode=wizard|install|convert|rescue|shell"),
        ("after=", "xeninstall.after: has no value; write xeninstall.after=reboot|poweroff|stay"),
        ("after=x", "xeninstall.after: 'x' is none of reboot, poweroff, stay; write one of them"),
        ("verify=no", "xeninstall.verify: takes no value; write xeninstall.verify alone"),
        ("answers=answers.toml", "xeninstall.answers: neither a URL, an absolute path nor LABEL=; write it like https://"),
        ("answers=ftp://u:MARKER@h/x", "xeninstall.answers: neither a URL, an absolute path nor LABEL=; write it like https://"),
        ("answers=LABEL=", "xeninstall.answers: not a label and a path; write it like LABEL=NAME or LABEL=NAME:/path"),
        ("answers=LABEL=A:b", "xeninstall.answers: not a label and a path; write it like LABEL=NAME or LABEL=NAME:/path"),
        ("post=/path", "xeninstall.post: not an http or https URL; write it like https://host/path"),
        ("ca=ca.pem", "xeninstall.ca: neither a URL nor an absolute path; write it like https://host/path or /path"),
        ("fingerprint=md5:00", "xeninstall.fingerprint: not a fingerprint; write sha256: and the 64 hexadecimal digits of"),
        ("wait=soon", "xeninstall.wait: not a number of seconds from 0 to 86400"),
        ("countdown=99999", "xeninstall.countdown: not a number of seconds from 0 to 86400"),
        ("ssh=yes", "xeninstall.ssh: neither password nor the URL or path of a file of keys"),
        ("webhook=x", "xeninstall.webhook: not an http or https URL; write it like https://host/path"),
    ],
)
def test_a_value_that_is_not_understood_is_a_problem(word: str, says: str) -> None:
    (problem,) = parse(f"quiet xeninstall.{word}").problems
    assert problem.startswith(says) and "MARKER" not in problem
