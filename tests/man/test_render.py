"""The manual pages: complete, since options and keys are taken from where they are defined, and right as roff."""

import argparse
import re
import subprocess

import pytest

from xeninstall import __version__
from xeninstall.answers.examples import names
from xeninstall.answers.keys import keys
from xeninstall.man.parsers import verbs
from xeninstall.man.render import render_answers_page, render_boot_page, render_command_page
from xeninstall.medium.words import TABLE
from xeninstall.parser import build_parser


def plain(page: str) -> str:
    """The page's words without roff's escapes."""
    page = re.sub(r"\\\[u([0-9A-F]+)\]", lambda found: chr(int(found[1], 16)), page)
    return re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\e", "\\").replace("\\&", "")


@pytest.fixture(scope="module")
def command_page() -> str:
    return render_command_page(build_parser())


@pytest.fixture(scope="module")
def answers_page() -> str:
    return render_answers_page()


@pytest.fixture(scope="module")
def boot_page() -> str:
    return render_boot_page()


def test_every_word_of_the_kernel_command_line_is_on_its_page(boot_page: str) -> None:
    page = plain(boot_page)
    for word in TABLE:
        head = f"xeninstall.{word.name}" + (f"={word.value}" if word.value else "")
        start = page.index(f"\n.TP\n{head}\n")
        assert page[start:].split("\n")[3].removeprefix("\\&") == " ".join(word.text.replace("`", "").split()), word.name


def test_every_verb_and_option_of_the_command_line_is_on_its_page(command_page: str) -> None:
    page = plain(command_page)
    for verb in verbs(build_parser()):
        section = page[page.index(f".SS {' '.join(('xeninstall', verb.name)).strip()}\n") :]
        section = section[: section.find("\n.S", 1)]
        for argument in verb.arguments:
            if verb.name and "--help" in argument.flags:
                continue
            head = ", ".join(argument.flags) or "|".join(argument.choices) or argument.value
            assert f"\n.TP\n{head}" in section, f"{verb.name} {head}"
            assert " ".join(argument.text.replace("`", "").split())[1:].rstrip(".") in section


def test_every_key_of_the_answers_is_on_its_page_below_its_table(answers_page: str) -> None:
    page = plain(answers_page)
    for key in keys():
        *above, name = key.path.removesuffix("[]").split(".")
        if key.table is not None:
            header = key.path.removesuffix("[]").replace("[]", "")
            assert f".SS [[{header}]]\n" if key.repeated else f".SS [{header}]\n" in page
            continue
        table = ".".join(above)
        header = f"[[{table.removesuffix('[]')}]]" if table.endswith("[]") else f"[{table.replace('[]', '')}]"
        start = page.index(f".SS {header}\n" if above else ".SS Above the first table\n")
        section = page[start : page.find("\n.S", start + 1)]
        assert f"\n.TP\n{name} = " in section, key.path
        assert " ".join((key.field.description or "").replace("`", "").split()) in section, key.path


def test_keys_tell_their_choices_their_bounds_and_their_defaults(answers_page: str) -> None:
    page = plain(answers_page)
    assert 'method = dhcp | static | none, default "dhcp"\n' in page
    assert "vlan = whole number, 1 to 4094\n" in page
    assert "members = list of text, required\n" in page
    assert 'sets = list of base | linux-guests | storage | pool | monitoring, default ["base"]\n' in page
    assert "clock = date-time\n" in page


def test_the_exit_statuses_the_files_and_the_secrets_are_described(command_page: str, answers_page: str) -> None:
    page = plain(command_page)
    for status in range(5):
        assert re.search(rf"\n\.TP\n\.B {status}\n", page)
    for part in ('.SH "EXIT STATUS"', ".SH FILES", ".SH EXAMPLES", ".SH SECRETS", "/etc/xeninstall/answers.toml"):
        assert part in page
    for key in ("root.password_hash", "root.password_file", "root.password_stdin", "hooks.webhook"):
        assert f".B {key}\n" in answers_page
    assert all(f".TP\n{name}\n" in plain(answers_page) for name in names())


def test_the_pages_carry_the_version_and_no_placeholder(command_page: str, answers_page: str, boot_page: str) -> None:
    for page in (command_page, answers_page, boot_page):
        assert f'"xeninstall {__version__}"' in page
        assert not re.search(r"@[A-Z]+@", page)
        assert page.isascii()


def test_a_parser_of_another_program_has_its_page_too() -> None:
    parser = argparse.ArgumentParser(prog="tool-x", description="Does .things with `files`.")
    parser.add_argument("--level", type=int, choices=[1, 2], default=1, help="how much (default %(default)s)")
    parser.add_argument("--quiet", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="'quoted' \\ and 100%% odd")
    page = render_command_page(parser)
    assert ".SS tool\\-x\nDoes .things with \\fBfiles\\fR.\n" in page
    assert ".TP\n\\fB\\-\\-level\\fR \\fB1\\fR|\\fB2\\fR\nHow much (default 1).\n" in page
    assert ".TP\n\\fIPATH\\fR\n\\&'quoted' \\e and 100% odd.\n" in page
    assert "quiet" not in page


@pytest.mark.parametrize("page", ["command_page", "answers_page", "boot_page"])
def test_groff_finds_nothing_to_complain_about(page: str, request: pytest.FixtureRequest) -> None:
    text = request.getfixturevalue(page)
    command = ["groff", "-man", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-u"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
