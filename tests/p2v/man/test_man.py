"""The manual page: complete, since its options are the parser's, and right as roff."""

import re
import shutil
import subprocess

import pytest

from p2v.parser import build_parser
from p2v.verbs.man import page
from xeninstall.man.parsers import verbs


def plain(text: str) -> str:
    """The page's words without roff's escapes."""
    return re.sub(r"\\f[BIR]", "", text).replace("\\-", "-").replace("\\e", "\\").replace("\\&", "")


def test_every_verb_and_option_is_on_it() -> None:
    text = plain(page())
    for verb in verbs(build_parser()):
        section = text[text.index(f".SS {' '.join(('p2v', verb.name)).strip()}\n") :]
        section = section[: section.find("\n.S", 1)]
        for argument in verb.arguments:
            if not (verb.name and "--help" in argument.flags):
                assert f"\n.TP\n{', '.join(argument.flags) or argument.value}" in section, f"{verb.name} {argument}"


def test_it_has_no_placeholder_left() -> None:
    assert not re.search(r"@[A-Z]+@", page())


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_finds_nothing_to_complain_about() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-u"]
    done = subprocess.run(command, input=page(), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
