"""Answers that the medium was built with."""

from .ask import Ask, Found

PATH = "xeninstall/answers.toml"


def find(ask: Ask) -> Found | None:
    """The answer file on the medium itself."""
    path = ask.medium / PATH
    return Found(path, f"the medium's {PATH}") if path.is_file() else None
