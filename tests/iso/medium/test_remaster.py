"""Answers into a finished medium: the product's own loader has to take them, and the result is what building it in gives."""

from pathlib import Path

import pytest

from iso.medium.remaster import checked_answers, remaster
from xeninstall.answers.load import AnswersError
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import SystemRunner

from .small import ANSWERS
from .test_image import assembled


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """A good answer file."""
    path = tmp_path / "my.toml"
    path.write_bytes(ANSWERS)
    return path


def test_a_remaster_is_to_the_byte_what_building_with_the_answers_gives(tmp_path: Path, answers: Path) -> None:
    target = tmp_path / "out/mine.iso"
    remaster(assembled(tmp_path / "plain"), answers, target, SystemRunner())
    assert target.read_bytes() == assembled(tmp_path / "answered", ANSWERS).read_bytes()


def test_its_sum_lies_beside_it_with_those_of_others(tmp_path: Path, answers: Path) -> None:
    plain = assembled(tmp_path / "plain")
    for name in ("a.iso", "b.iso", "a.iso"):
        remaster(plain, answers, tmp_path / "out" / name, SystemRunner())
    listed = (tmp_path / "out/SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in listed] == ["b.iso", "a.iso"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["SHA256SUMS", "a.iso", "b.iso"]


def test_a_remaster_of_a_remaster_has_the_new_answers_alone(tmp_path: Path, answers: Path) -> None:
    first, second = tmp_path / "first.iso", tmp_path / "second.iso"
    remaster(assembled(tmp_path / "plain"), answers, first, SystemRunner())
    other = tmp_path / "other.toml"
    other.write_bytes(ANSWERS + b"# another\n")
    remaster(first, other, second, SystemRunner())
    assert second.read_bytes() == assembled(tmp_path / "direct", ANSWERS + b"# another\n").read_bytes()


def test_wrong_answers_are_refused_with_their_lines_and_nothing_is_written(tmp_path: Path, answers: Path) -> None:
    answers.write_bytes(ANSWERS.replace(b"[disk]", b"[dixk]"))
    with pytest.raises(AnswersError, match="dixk"):
        remaster(tmp_path / "never-looked-at.iso", answers, tmp_path / "out.iso", SystemRunner())
    assert not (tmp_path / "out.iso").exists()


def test_a_medium_is_not_written_over_itself(tmp_path: Path, answers: Path) -> None:
    plain = assembled(tmp_path / "plain")
    before = plain.read_bytes()
    with pytest.raises(UsageError, match=r"medium\.iso is the medium itself"):
        remaster(plain, answers, plain, SystemRunner())
    assert plain.read_bytes() == before


def test_what_is_no_medium_leaves_the_older_target_as_it_was(tmp_path: Path, answers: Path) -> None:
    (tmp_path / "other.iso").write_bytes(bytes(50_000))
    target = tmp_path / "out/mine.iso"
    target.parent.mkdir()
    target.write_bytes(b"older")
    with pytest.raises(Error, match="is no boot medium of xeninstall"):
        remaster(tmp_path / "other.iso", answers, target, SystemRunner())
    assert target.read_bytes() == b"older"
    assert [path.name for path in target.parent.iterdir()] == ["mine.iso"]


def test_a_password_s_file_would_not_come_along(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    text = "".join(line for line in ANSWERS.decode().splitlines(keepends=True) if not line.startswith("password_hash"))
    path.write_text(text.replace("[root]", '[root]\npassword_file = "secret"'))
    (tmp_path / "secret").write_text("a good long one")
    with pytest.raises(UsageError) as refused:
        checked_answers(path)
    assert refused.value.message == f"{path}: root.password_file: the password's file does not come along with the answers"
    assert "password_hash" in refused.value.hint and "a good long one" not in str(refused.value)


def test_a_conversion_s_key_would_not_come_along(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('flow = "convert"\n[convert]\nname = "old"\ntarget = "ssh://xen1"\nidentity = "key"\n')
    with pytest.raises(UsageError, match=r"convert\.identity: the file key does not come along"):
        checked_answers(path)


def test_a_hook_s_file_would_not_come_along_but_a_script_does(tmp_path: Path, answers: Path) -> None:
    (tmp_path / "hook.sh").write_text("#!/bin/sh\ntrue\n")
    answers.write_bytes(ANSWERS + b'[hooks]\ninstalled = "hook.sh"\n')
    with pytest.raises(UsageError, match=r"hooks\.installed: the file hook\.sh does not come along"):
        checked_answers(answers)
    answers.write_bytes(ANSWERS + b"[hooks]\ninstalled = '''#!/bin/sh\ntrue\n'''\n")
    assert checked_answers(answers) == answers.read_bytes()
