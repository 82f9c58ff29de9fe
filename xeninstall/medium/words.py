"""The kernel's command line as the boot medium reads it: one table of words, from which xeninstall-boot(7) is made, too.

Pure. A word that is not known is a warning; a value that cannot be understood is a problem, and a machine that nobody
watches does nothing then: what was meant may have been "rescue".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum

from xeninstall.answers.finish import After
from xeninstall.base.urls import is_url

PREFIX = "xeninstall."
WAIT_SECONDS = 600
COUNTDOWN_SECONDS = 10
_NUMBER_MAXIMUM = 86400


class Mode(StrEnum):
    """What the medium does when it is up."""

    WIZARD = "wizard"
    INSTALL = "install"
    CONVERT = "convert"
    RESCUE = "rescue"
    SHELL = "shell"


class Resume(StrEnum):
    """What to do about an installation that was interrupted."""

    ASK = "ask"
    RESUME = "resume"
    RESTART = "restart"


# What is wrong with a value, in words that end in the remedy; empty when nothing is.
_Judge = Callable[[str], str]


@dataclass(frozen=True)
class Word:
    """One word. Without `value` it is a switch; `many` may be given several times, of the others the last one counts."""

    name: str
    value: str
    text: str
    judge: _Judge = lambda value: ""
    many: bool = False
    secret: bool = False  # its value is a URL, which may hold a password


def _one_of(kind: type[StrEnum]) -> _Judge:
    def judge(value: str) -> str:
        choices = [str(choice) for choice in kind]
        if value in choices:
            return ""
        near = get_close_matches(value[:40], choices, 1, 0.6)
        return f"{value[:40]!r} is none of {', '.join(choices)}" + (
            f"; did you mean {near[0]}?" if near else "; write one of them"
        )

    return judge


PLACEHOLDERS = ("serial", "mac")


def _url(value: str) -> str:
    return "" if re.fullmatch(r"https?://[!-~]{1,2000}", value) else "not an http or https URL; write it like https://host/path"


def _file_or_url(value: str) -> str:
    if is_url(value):
        return _url(value)
    return "" if value.startswith("/") else "neither a URL nor an absolute path; write it like https://host/path or /path"


def _answers(value: str) -> str:
    if value.startswith("LABEL="):
        name, _, path = value.removeprefix("LABEL=").partition(":")
        good = name and "/" not in name and (not path or path.startswith("/"))
        return "" if good else "not a label and a path; write it like LABEL=NAME or LABEL=NAME:/path"
    strange = [name for name in re.findall(r"\{([^{}]*)\}", value) if name not in PLACEHOLDERS] if is_url(value) else []
    if strange:
        return f"{{{strange[0][:20]}}} is no placeholder; write {{serial}} or {{mac}}"
    fault = _file_or_url(value)
    return fault and "neither a URL, an absolute path nor LABEL=; write it like https://host/path, /path or LABEL=NAME:/path"


def _fingerprint(value: str) -> str:
    if re.fullmatch(r"sha256:([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}", value):
        return ""
    return "not a fingerprint; write sha256: and the 64 hexadecimal digits of the server's certificate"


def _seconds(value: str) -> str:
    good = re.fullmatch("[0-9]{1,6}", value, re.ASCII) and int(value) <= _NUMBER_MAXIMUM
    return "" if good else f"not a number of seconds from 0 to {_NUMBER_MAXIMUM}"


def _ssh(value: str) -> str:
    return "" if value == "password" else _file_or_url(value) and "neither password nor the URL or path of a file of keys"


# fmt: off
TABLE = (
    Word("mode", "wizard|install|convert|rescue|shell",
         "What to do. Without it: install by the answers that are found, else open the wizard. "
         "With `install` and no answers anywhere the wizard opens and says so; with `convert` it asks for a "
         "conversion.", _one_of(Mode)),
    Word("answers", "URL|/path|LABEL=NAME[:/path]",
         "The answer file: fetched from a web server, from a file of the live system, or from the file system with that label "
         "(its `/answers.toml` unless a path is given). It comes before every other source. In a URL `{serial}` and `{mac}` "
         "stand for what names this machine.", _answers, secret=True),
    Word("post", "URL",
         "Ask a server: it gets this machine's profile, as `xeninstall probe --json` prints it, by HTTP POST, and answers with "
         "the answer file for it. Used when no other source has one.", _url, secret=True),
    Word("ca", "/path|URL",
         "Certificates (PEM) of the authorities that the servers of answers, post and webhook are checked against, instead of "
         "the usual ones.", _file_or_url, secret=True),
    Word("fingerprint", "sha256:HEX",
         "The certificate that the server of answers or post must show: SHA-256 over the certificate itself in DER, as "
         "`openssl x509 -fingerprint -sha256` prints it, with or without colons. Nothing else is then asked of the "
         "certificate: it may be self-signed, and of any name or date.", _fingerprint),
    Word("webhook", "URL",
         "Told of progress and of every failure, as hooks.webhook of the answers is, which comes before it; the word also "
         "hears of failures before there are answers.", _url, secret=True),
    Word("after", "reboot|poweroff|stay",
         "What to do after a successful unattended installation; it comes before finish.after of the answers, whose default is "
         "reboot.", _one_of(After)),
    Word("resume", "ask|resume|restart",
         "What to do when an interrupted installation is found on a disk. Without it: go on when it was begun by the same "
         "answers, else start over if the answers allow to erase. With `ask`, somebody at the console is asked first.",
         _one_of(Resume)),
    Word("wait", "SECONDS",
         f"How long to try to reach the servers of answers, post and ca, {WAIT_SECONDS} by default. Tries are made after 1, 2, "
         "4 … at most 60 seconds, give or take a quarter.", _seconds),
    Word("countdown", "SECONDS",
         f"How long somebody at the console can stop an unattended installation with a key, {COUNTDOWN_SECONDS} by default.",
         _seconds),
    Word("ssh", "KEY-URL|/path|password",
         "Let people in over SSH to watch and to help: with the public keys that a URL or a file gives, or with a password "
         "that is made up and shown on the console. May be given several times.", _ssh, many=True, secret=True),
    Word("verify", "", "Check the whole medium before it is used."),
    Word("medium", "ID|http://HOST/PATH",
         "Set by the medium's own menu and by netboot's script: which medium the initramfs looks for, or where its files are "
         "fetched from.", secret=True),
    Word("safe", "", "Text at safe settings: no colours, no characters beyond ASCII, no mode setting."),
)
# fmt: on
_BY_NAME = {word.name: word for word in TABLE}


@dataclass(frozen=True)
class Words:
    """What the command line asks for. `warnings` are to be shown; `problems` forbid to do anything unattended."""

    mode: Mode | None = None
    answers: str = ""
    post: str = ""
    ca: str = ""
    fingerprint: str = ""  # 64 small hexadecimal digits
    webhook: str = ""
    after: After | None = None
    resume: Resume | None = None
    wait_seconds: int = WAIT_SECONDS
    countdown_seconds: int = COUNTDOWN_SECONDS
    ssh: tuple[str, ...] = ()
    verify: bool = False
    safe: bool = False
    boot_mac: str = ""  # of the card that the boot loader came by, as it says in BOOTIF
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def split(line: str) -> Iterator[tuple[str, str | None]]:
    """Words of a command line as the kernel takes them apart (lib/cmdline.c, next_arg): a quote opens or closes anywhere,
    blanks inside are kept, and only the quotes around a whole word or a whole value are dropped. What follows `--` is init's.
    """
    rest = line.strip()
    while rest:
        quoted = rest.startswith('"')
        rest = rest[1:] if quoted else rest
        inside, equals, end = quoted, 0, len(rest)
        for place, char in enumerate(rest):
            if char.isspace() and not inside:
                end = place
                break
            if char == "=" and not equals:
                equals = place
            if char == '"':
                inside = not inside
        word, rest = rest[:end], rest[end:].lstrip()
        if word == "--" and not quoted:
            return
        name, value = (word[:equals], word[equals + 1 :]) if equals else (word, None)
        if value is not None and value.startswith('"'):
            value = value[1:].removesuffix('"')
        elif quoted:
            value, name = (None, name.removesuffix('"')) if value is None else (value.removesuffix('"'), name)
        yield name, value


def parse(line: str) -> Words:
    """Read a command line. Nothing is dropped in silence."""
    given: dict[str, list[str]] = {}
    warnings: list[str] = []
    problems: list[str] = []
    boot_mac = ""
    for name, value in split(line):
        if name == "BOOTIF" and re.fullmatch("01(-[0-9A-Fa-f]{2}){6}", value or ""):
            boot_mac = str(value)[3:].replace("-", ":").lower()
        # The kernel takes - and _ for the same in a word's name; so do we.
        plain = name.lower().replace("_", "-")
        if not plain.startswith(PREFIX):
            if _meant(plain):
                warnings.append(f"{name[:60]} is not a word of ours: did you mean {PREFIX}{_meant(plain)}?")
            continue
        word = _BY_NAME.get(plain.removeprefix(PREFIX))
        if word is None:
            warnings.append(_unknown(name))
        elif fault := _fault(word, value):
            problems.append(f"{name}: {fault}")
        else:
            given.setdefault(word.name, []).append(value or "")
    for name, values in given.items():
        if not _BY_NAME[name].many and len(set(values)) > 1:
            warnings.append(f"{PREFIX}{name} is given {len(values)} times: the last one counts")
    return replace(_words(given, tuple(warnings), tuple(problems)), boot_mac=boot_mac)


def _fault(word: Word, value: str | None) -> str:
    if not word.value:
        return "" if not value else f"takes no value; write {PREFIX}{word.name} alone"
    if not value:
        return f"has no value; write {PREFIX}{word.name}={word.value}"
    return word.judge(value)


def _unknown(name: str) -> str:
    bare = name.lower().replace("_", "-").removeprefix(PREFIX)[:40]
    near = get_close_matches(bare, list(_BY_NAME), 1, 0.6)
    # Its value is not repeated: of a misspelt `answers` it may hold a password.
    say = f"did you mean {PREFIX}{near[0]}?" if near else f"known are {', '.join(_BY_NAME)}"
    return f"{name[:60]} is not known: {say}"


def _meant(name: str) -> str:
    """`xeninstal.answers`, `xen-install.mode`: near enough to our prefix to be worth a word."""
    head, dot, tail = name.partition(".")
    near = dot and get_close_matches(head, [PREFIX.rstrip(".")], 1, 0.8)
    return tail if near and tail in _BY_NAME else ""


def _words(given: dict[str, list[str]], warnings: tuple[str, ...], problems: tuple[str, ...]) -> Words:
    def last(name: str) -> str:
        return given.get(name, [""])[-1]

    return Words(
        mode=Mode(last("mode")) if "mode" in given else None,
        answers=last("answers"),
        post=last("post"),
        ca=last("ca"),
        fingerprint=last("fingerprint").partition(":")[2].replace(":", "").lower(),
        webhook=last("webhook"),
        after=After(last("after")) if "after" in given else None,
        resume=Resume(last("resume")) if "resume" in given else None,
        wait_seconds=int(last("wait") or WAIT_SECONDS),
        countdown_seconds=int(last("countdown") or COUNTDOWN_SECONDS),
        ssh=tuple(given.get("ssh", ())),
        verify="verify" in given,
        safe="safe" in given,
        warnings=warnings,
        problems=problems,
    )
