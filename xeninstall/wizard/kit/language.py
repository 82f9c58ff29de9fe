"""The wizard's languages: `_("text")` gives the text in the chosen one. Catalogs are gettext's .po files, read as they are.

A .po needs no build step this way, and a catalog that was changed is the one that is used.
"""

import ast
import re
from functools import cache
from importlib.resources import files

LANGUAGES = {"en": "English", "de": "Deutsch"}
_PACKAGES = ["xeninstall"]
_ENTRY = re.compile(r'^(msgid|msgstr)\s+(".*")$|^(".*")$')


class _Chosen:
    """The language in use; one a process, since one person sits at the screen."""

    code = "en"


def switch(code: str) -> None:
    """From now on, texts are in this language. Raises KeyError for one that there is not."""
    LANGUAGES[code]
    _Chosen.code = code


def current() -> str:
    """The code of the language in use."""
    return _Chosen.code


def add_catalogs(package: str) -> None:
    """Texts of another package's steps, in its own `locale/CODE/*.po`."""
    if package not in _PACKAGES:
        _PACKAGES.append(package)
        catalog.cache_clear()
        _patterns.cache_clear()


def _(text: str) -> str:
    """The text in the language in use; English is its own key, so what lacks a translation stays readable."""
    return catalog(_Chosen.code).get(text) or text


def counted(singular: str, plural: str, number: int) -> str:
    """The form for a number; both languages have two forms. `{n}` in the text is replaced."""
    return _(singular if number == 1 else plural).format(n=number)


def said(text: str) -> str:
    """A sentence of the floors below (a rule's refusal, an obstacle) in the language in use.

    Those are put together there, from values; here they are known again by their patterns: msgids with `{}` in them.
    Refusals come as `what; remedy`, and each half is known by itself.
    """
    if _Chosen.code == "en" or not text:
        return text
    # Halves first: a pattern's `{}` would else swallow the remedy as well.
    return catalog(_Chosen.code).get(text) or "; ".join(_known(part) or part for part in text.split("; "))


def _known(text: str) -> str | None:
    exact = catalog(_Chosen.code).get(text)
    if exact:
        return exact
    for pattern, translation in _patterns(_Chosen.code):
        found = pattern.fullmatch(text)
        if found is not None:
            # What stands in a place may be a sentence of its own; a single word there is a name.
            return translation.format(*(_known(part) or part if " " in part else part for part in found.groups()))
    return None


@cache
def _patterns(code: str) -> list[tuple[re.Pattern[str], str]]:
    wanted = [(key, value) for key, value in catalog(code).items() if "{}" in key and value]
    # The longest first: `{}; {}` must not swallow what a more telling pattern knows.
    wanted.sort(key=lambda pair: -len(pair[0]))
    return [(re.compile("(.+?)".join(map(re.escape, key.split("{}"))), re.DOTALL), value) for key, value in wanted]


@cache
def catalog(code: str) -> dict[str, str]:
    """English text → translation, from every .po in the packages' locale/CODE: one a topic."""
    out: dict[str, str] = {}
    if code != "en":
        for entry in [entry for package in _PACKAGES for entry in (files(package) / "locale" / code).iterdir()]:
            if entry.name.endswith(".po"):
                out |= parse_po(entry.read_text(encoding="utf-8"))
    return out


def parse_po(text: str) -> dict[str, str]:
    """The part of the PO format that we write: msgid and msgstr, each perhaps over several lines (gettext manual, 3)."""
    out: dict[str, str] = {}
    parts = {"msgid": "", "msgstr": ""}
    into = ""
    for line in [*text.splitlines(), 'msgid ""']:
        entry = _ENTRY.match(line.strip())
        if entry is None:
            continue
        if entry[1] == "msgid":
            if parts["msgid"]:
                out[parts["msgid"]] = parts["msgstr"]
            parts = {"msgid": "", "msgstr": ""}
        into = entry[1] or into
        parts[into] += ast.literal_eval(entry[2] or entry[3])
    return out
