"""The answer files that come with the product, to begin with: `xeninstall example`."""

from importlib.resources import files

from xeninstall.base.errors import UsageError

_FOLDER = files("xeninstall") / "examples"


def names() -> list[str]:
    """Their names; `default` is first, since it is what `make run` installs."""
    found = [entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml")]
    return sorted(found, key=lambda name: (name != "default", name))


def text(name: str) -> str:
    """The whole file; raises UsageError with the names that there are."""
    if name not in names():
        raise UsageError(f"there is no example {name[:40]!r}", hint=f"choose from: {', '.join(names())}")
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """What it is for: its first line, a comment."""
    return text(name).split("\n", 1)[0].lstrip("# ").rstrip(".")
