"""What an argparse parser knows of itself, as values: verbs, options, operands. Manual and completion stand on it."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

# What argparse adds to every parser by itself.
_HELP = argparse._HelpAction
_FILE_WORDS = ("FILE", "ANSWERS", "DISK", "IMAGE", "DIR", "PATH")


@dataclass(frozen=True)
class Argument:
    """One option (`flags` not empty) or operand."""

    flags: tuple[str, ...]
    value: str  # its placeholder, such as FILE; empty for a switch
    text: str
    choices: tuple[str, ...]
    optional: bool

    @property
    def takes_file(self) -> bool:
        """Whether the placeholder speaks of a file or device, so that a shell may complete paths."""
        return not self.choices and any(word in self.value.upper() for word in _FILE_WORDS)


@dataclass(frozen=True)
class Verb:
    """A sub-command with its arguments; the program itself is one without a name."""

    name: str
    text: str
    arguments: tuple[Argument, ...]


def verbs(parser: argparse.ArgumentParser) -> list[Verb]:
    """The program and then its verbs, in the parser's order."""
    found = [Verb("", parser.description or "", tuple(_arguments(parser)))]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                found.append(Verb(name, sub.description or "", tuple(_arguments(sub))))
    return found


def _arguments(parser: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        takes_value = action.nargs != 0 and not isinstance(action, _HELP)
        placeholder = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        choices = tuple(str(choice) for choice in action.choices or ())
        text = "show this help and exit" if isinstance(action, _HELP) else action.help or ""
        yield Argument(
            flags=tuple(action.option_strings),
            value=placeholder if takes_value else "",
            text=text % {"default": action.default, "prog": parser.prog} if "%" in text else text,
            choices=choices,
            optional=(bool(action.option_strings) and not action.required) or action.nargs in ("?", "*"),
        )
