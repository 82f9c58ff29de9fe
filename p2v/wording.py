"""Errors in the words of whoever gave the answers: the engine names the options of its command line, which nobody typed there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from xeninstall.base.errors import Error

_PHRASES = (
    (re.compile(r"add --password ask, file:PATH, env:NAME or fd:NUMBER"), "add a password (convert.password_file)"),
    (re.compile(r"go on with it by --resume, or drop it by --discard"), "drop it with convert.discard, or choose another name"),
    (re.compile(r",? or go on with (?:a stopped run by --resume|--resume where an earlier run stopped)"), ""),
    (re.compile(r"go on with(?: p2v convert)? --resume"), "begin again: it goes on from there"),
    (re.compile(r"start again with --discard(?: instead of --resume)?"), "begin again with convert.discard"),
    (re.compile(r"start again without --resume"), "begin again"),
)
_KEYS = {
    "--bridge": "convert.nics",
    "--ca": "convert.ca",
    "--discard": "convert.discard",
    "--drivers": "convert.drivers",
    "--drop-hibernation": "convert.drop_hibernation",
    "--fingerprint": "convert.host_key",
    "--format": "convert.format",
    "--host-key": "convert.host_key",
    "--identity": "convert.identity",
    "--limit": "convert.limit",
    "--marker": "convert.test_marker",
    "--mode": "convert.mode",
    "--name": "convert.name",
    "--password": "a password (convert.password_file)",
    "--repair": "convert.repair",
    "--start": "convert.start",
    "--to": "convert.target",
    "--trial": "convert.test_boot",
    "--unlock": "convert.unlock",
}
# Where both are named the key stays: "(--unlock, convert.unlock)", "--unlock (convert.unlock)".
_BOTH = ((re.compile(r"--[\w-]+, (convert\.\w+)"), r"\1"), (re.compile(r"--[\w-]+ \((convert\.\w+)\)"), r"\1"))
_OPTION = re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(_KEYS, key=len, reverse=True))})(?![\w-])")


def of_answers(text: str) -> str:
    """The same with keys of an answer file for options."""
    for phrase, instead in (*_PHRASES, *_BOTH):
        text = phrase.sub(instead, text)
    return _OPTION.sub(lambda found: _KEYS[found[0]], text)


@contextmanager
def in_words_of_answers() -> Iterator[None]:
    """Errors that pass here tell of keys."""
    try:
        yield
    except Error as error:
        error.message, error.hint = of_answers(error.message), of_answers(error.hint)
        raise
