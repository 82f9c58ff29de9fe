"""The manual pages: the prose of the .in files, with options taken from the parser and keys from the answers' model."""

import argparse
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

from xeninstall import __version__
from xeninstall.answers.examples import names, summary, text
from xeninstall.medium.words import PREFIX, TABLE, Word

from .keys import key_sections
from .parsers import Argument, Verb, verbs
from .roff import bold, escape, example, italic, item, prose


def render_command_page(parser: argparse.ArgumentParser, template: Traversable | None = None) -> str:
    """A command's page as roff, xeninstall(8) by default; every verb and option of the parser is in it."""
    found = verbs(parser)
    return _fill(
        template or files("xeninstall.man") / "xeninstall.8.in",
        SYNOPSIS="".join(_synopsis(parser.prog, verb) for verb in found[1:] or found),
        OPTIONS="".join(_options(parser.prog, verb) for verb in found),
    )


def render_answers_page() -> str:
    """xeninstall-answers(5) as roff; every key of the model is in it."""
    listed = "".join(item(bold(name), prose(summary(name) + ".")) for name in names())
    template = files("xeninstall.man") / "xeninstall-answers.5.in"
    return _fill(template, KEYS=key_sections(), EXAMPLES=listed, EXAMPLE=example(text("dhcp-thin")))


def render_boot_page() -> str:
    """xeninstall-boot(7) as roff; every word of the kernel's command line is in it."""
    listed = "".join(item(_word(word), prose(word.text)) for word in TABLE)
    return _fill(files("xeninstall.man") / "xeninstall-boot.7.in", WORDS=listed)


def _word(word: Word) -> str:
    return bold(PREFIX + word.name) + (f"={italic(word.value)}" if word.value else "")


def _fill(template: Traversable, **parts: str) -> str:
    page = template.read_text(encoding="utf-8")
    values = {"VERSION": escape(__version__), **parts}

    def value(match: re.Match[str]) -> str:
        return values[match[1]].rstrip("\n")

    return re.sub(r"@([A-Z]+)@", value, page)


def _synopsis(program: str, verb: Verb) -> str:
    words = [f"\\fB{escape(program)}" + (f" {escape(verb.name)}" if verb.name else "") + "\\fR"]
    for argument in verb.arguments:
        if "--help" in argument.flags:
            continue
        shown = " ".join(part for part in (bold(argument.flags[-1]) if argument.flags else "", _value(argument)) if part)
        words.append(f"[{shown}]" if argument.optional else shown)
    return f".HP 4\n{' '.join(words)}\n"


def _options(program: str, verb: Verb) -> str:
    head = f".SS {escape(program)} {escape(verb.name)}\n" if verb.name else f".SS {escape(program)}\n"
    # Each verb has --help; saying so once is enough.
    shown = [argument for argument in verb.arguments if not (verb.name and "--help" in argument.flags)]
    return head + prose(verb.text) + "\n" + "".join(_option(argument) for argument in shown)


def _option(argument: Argument) -> str:
    flags = ", ".join(bold(flag) for flag in argument.flags)
    begins_with_name = not argument.text.partition(" ")[0].isalpha()
    text = argument.text if begins_with_name else argument.text[:1].upper() + argument.text[1:]
    body = prose(text.rstrip(".") + ".")
    return item(" ".join(part for part in (flags, _value(argument)) if part), body)


def _value(argument: Argument) -> str:
    if not argument.value:
        return ""
    return "|".join(bold(choice) for choice in argument.choices) if argument.choices else italic(argument.value)
