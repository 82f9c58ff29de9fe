"""The verbs that only print."""

import json
import tarfile
from pathlib import Path

import pytest

from tests.given import DATA
from xeninstall.cli import main


@pytest.fixture(autouse=True)
def signals(own_signals: None) -> None:
    """Each call of main here takes signals and gives them back."""


def test_examples_are_listed_and_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert "default" in listed
    for name in listed:
        assert main(["example", name]) == 0
        assert capsys.readouterr().out == (DATA.parent.parent / f"xeninstall/examples/{name}.toml").read_text()


def test_an_example_that_is_not_there_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", "none"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("xeninstall: there is no example 'none'\n  -> choose from: ") and "default" in said


def test_a_recorded_machine_is_shown_and_comes_back_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    profile = DATA / "machines/nvme.json"
    assert main(["probe", "--machine", str(profile)]) == 0
    assert "S64HNE0R501200" in capsys.readouterr().out
    assert main(["probe", "--json", "--machine", str(profile)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(profile.read_text())


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read: No such file or directory"), (b"{}", "not a machine profile: "), (b"\xff", "not a ")],
)
def test_a_profile_that_is_none(tmp_path: Path, content: bytes | None, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "machine.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["probe", "--machine", str(path)]) == 2
    said = capsys.readouterr().err
    assert str(path) in said and says in said
    assert said.endswith("  -> record one with: xeninstall probe --json\n")


def test_manual_and_completion_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for page in ("xeninstall.8", "xeninstall-answers.5"):
        assert main(["man", "--roff", page]) == 0
        assert capsys.readouterr().out.startswith((".\\", ".TH", "'\\"))
    assert main(["completion", "bash"]) == 0
    assert "complete -" in capsys.readouterr().out


def test_logs_are_gathered_into_one_file_and_never_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "host.img.log").write_text("log")
    out = tmp_path / "logs.tar.gz"
    argv = ["logs", "--output", str(out), "--target", str(tmp_path / "host.img")]
    assert main(argv) == 0
    said = capsys.readouterr().out.splitlines()
    with tarfile.open(out) as tar:
        assert tar.getnames() == said[:-1]
        assert any(name.endswith("host.img.log") for name in tar.getnames())
    assert said[-1].startswith(f"{out}: {len(said) - 1} files. It holds no passwords")
    assert main(argv) == 1
    assert capsys.readouterr().err == f"xeninstall: {out} exists\n  -> name another file with --output\n"
