"""What was planted in a secret key is found in no message, representation, dump or schema."""

import json
import logging
import traceback
from pathlib import Path

import pytest

from xeninstall.answers.dump import dump
from xeninstall.answers.load import AnswersError, check, load
from xeninstall.answers.schema import schema

MARKER = "MARKER7f3a"
HASH = "$6$salt$" + MARKER * 8


def everything_said_of(path: Path) -> str:
    """Whatever a user, a log or a bug report could get to see of this file."""
    said = [repr(problem) + problem.shown(path) for problem in check(path)]
    try:
        answers = load(path, stdin=lambda: f"{MARKER}\n".encode())
    except AnswersError as error:
        said += [str(error), repr(error), error.message, error.hint, "".join(traceback.format_exception(error))]
        said += [repr(error.__cause__), repr(error.__context__)]
    else:
        said += [repr(answers), str(answers), dump(answers), answers.root.model_dump_json()]
    return "\n".join(said) + json.dumps(schema())


@pytest.mark.parametrize(
    "text",
    [
        f'[root]\npassword_hash = "{HASH}"\n',
        f'[root]\npassword_hash = "{MARKER}"\n',
        f'[root]\npassword_hash = ["{MARKER}"]\n',
        f'[root]\npassword_hash = {{ "{MARKER}" = 1 }}\n',
        f'[root]\npasword_hash = "{MARKER}"\n',
        f'[root]\npassword = "{MARKER}"\n',
        f'root = "{MARKER}"\n',
        f'[[root]]\npassword_hash = "{MARKER}"\n',
        f'[root]\npassword_hash = "{HASH}"\npassword_file = "secret"\n',
        f'[root]\npassword_hash = "{HASH}\n',
        f"[root]\npassword_hash = {MARKER}\n",
        f'[root]\npassword_hash = "{HASH}" "{MARKER}"\n',
        f'[root]\npassword_hash = "{HASH}\\q"\n',
        f'[root]\npassword_hash = "{HASH}"\n[network]\nvlan = 0\n',
        f'[root]\npassword_hash = "{HASH}"\n[hooks]\nwebhook = "https://example.org/?token={MARKER}"\n',
        f'[root]\npassword_hash = "{HASH}"\n[hooks]\nwebhook = "ftp://{MARKER}@example.org/"\n',
        f'[root]\npassword_hash = "{HASH}"\n[hooks]\nwebhook = 5\nwebhok = "https://{MARKER}@example.org/"\n',
        f'[root]\npassword_hash = "{HASH}"\n[hooks]\nwebhook = ["https://{MARKER}@example.org/"]\n',
        '[root]\npassword_file = "secret"\n',
        '[root]\npassword_file = "secret"\n[network]\nvlan = 0\n',
        '[root]\npassword_file = "short"\n',
        "[root]\npassword_stdin = true\n",
        f'[root]\nssh_keys = ["""-----BEGIN OPENSSH PRIVATE KEY-----\n{MARKER}\n"""]\n',
        f'[root]\nssh_keys = "-----BEGIN OPENSSH PRIVATE KEY-----{MARKER}"\n',
    ],
)
def test_a_planted_secret_is_told_to_nobody(text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "secret").write_text(f"{MARKER}\n")
    (tmp_path / "short").write_text(f"\n{MARKER}\n")
    path = tmp_path / "answers.toml"
    path.write_text(text)
    with caplog.at_level(logging.DEBUG):
        said = everything_said_of(path)
    # A key is shown so that it can be found; only what stands behind it is secret.
    said = said.replace(f"password_hash.{MARKER}", "")
    assert MARKER not in said
    assert MARKER not in caplog.text
