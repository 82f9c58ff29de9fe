"""Answers that the kernel's command line names: a URL, a file of the live system, or a labelled file system."""

from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.http import exchange
from xeninstall.base.urls import is_url, shown_url
from xeninstall.machine.model import Machine
from xeninstall.medium.words import PLACEHOLDERS

from .ask import Ask, Found, answers_in
from .named import named
from .partition import from_label


def find(ask: Ask) -> Found | None:
    """The answer file that xeninstall.answers names; None without the word. Raises Error when it is not there."""
    where = ask.words.answers
    if not where:
        return None
    if is_url(where):
        if any(f"{{{name}}}" in where for name in PLACEHOLDERS):
            where = named(where, Machine.from_json(ask.profile()), ask.words.boot_mac)
        trust = ask.trust()
        ask.tell(f"asking for {shown_url(where)}")
        reply = ask.patiently(lambda: exchange(where, trust=trust))
        return Found(ask.keep(answers_in(reply, where)), shown_url(where))
    if where.startswith("LABEL="):
        label, _, path = where.removeprefix("LABEL=").partition(":")
        found = from_label(ask, label, path or "/answers.toml", wanted=True)
        if found is None:
            hint = "plug the medium in, or correct xeninstall.answers"
            raise UsageError(f"no file system is labelled {label}", hint=hint)
        return found
    if not Path(where).is_file():
        raise UsageError(f"the answer file {where} is not there", hint="correct xeninstall.answers")
    return Found(Path(where), where)
