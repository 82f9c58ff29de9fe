"""The box of the network's proof: every sentence that it can show is said in German too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import xeninstall
from xeninstall.apply.proof.results import Result, failed, passed, warned
from xeninstall.wizard.kit.language import said, switch
from xeninstall.wizard.proving import line, summary

_PROOF = Path(xeninstall.__file__).parent / "apply" / "proof"


def _sentences() -> Iterator[str]:
    """What stands as text in passed(…), warned(…) and failed(…), with X where values go."""
    for path in sorted(_PROOF.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("passed", "warned", "failed"):
                yield from _text(node.args[1])


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)


@pytest.mark.parametrize("half", sorted({half for text in _sentences() for half in text.split("; ")} - {"X"}))
def test_each_half_of_a_result_is_known_in_german(half: str) -> None:
    # `X, prefix Y` and the like begin with what another line holds, and the time is said by a function of its own.
    known = half.replace("answers: X", "answers: this machine's clock is 2 h slow")
    known = known.replace("X, ", "the IPv6 router X answers, ") if known.startswith("X, ") else known
    known = known.replace("X and sends", "the IPv6 router X answers and sends")
    known = known.replace("an IPvX address", "an IPv6 address").replace("answers with X", "answers with a refusal")
    switch("de")
    assert said(known) != known


def test_a_result_stays_within_the_box() -> None:
    long = warned("router", "no IPv6 router answered; the host will have no IPv6 address beyond its own link")
    assert max(map(len, line(long, long.text).splitlines())) <= 68
    assert line(passed("link", "eno1 has a link"), "eno1 has a link") == "[ok]  Link      eno1 has a link"


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([passed("link", "")], "The network works."),
        ([passed("link", ""), warned("dns", "")], "The network works; [ ! ] marks what deserves a look."),
        ([warned("dns", ""), failed("ntp", "")], "Something does not work. You can go on all the same."),
    ],
)
def test_the_proof_is_summed_up(results: list[Result], text: str) -> None:
    assert summary(results) == text
