"""Answer files are read whole or refused with every mistake at once, word by word."""

import os
import stat
from pathlib import Path

import pytest

from xeninstall.answers.load import AnswersError, check, load
from xeninstall.answers.model import NtpMode
from xeninstall.base.errors import ExitCode

from .strategies import HASH, KEY

BAD = Path(__file__).parent.parent / "data" / "answers" / "bad"
LOGIN = f'[root]\npassword_hash = "{HASH}"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "answers.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(BAD.glob("*.toml")), ids=lambda path: path.stem)
def test_a_bad_file_is_refused_in_exactly_these_words(path: Path) -> None:
    found = "".join(problem.shown(path.name) + "\n" for problem in check(path))
    assert found == path.with_suffix(".expected").read_text(encoding="utf-8")
    assert found
    with pytest.raises(AnswersError) as caught:
        load(path, stdin=lambda: b"a good password\n")
    assert caught.value.message.replace(str(path), path.name) + "\n" == found
    assert caught.value.exit_code is ExitCode.USAGE


def test_problems_come_in_the_order_of_lines() -> None:
    for path in BAD.glob("*.toml"):
        lines = [problem.line for problem in check(path)]
        assert lines == sorted(lines)


def test_no_message_speaks_the_words_of_the_libraries() -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in BAD.glob("*.expected")).lower()
    for jargon in ("pydantic", "input should", "valid string", "extra_forbidden", "_type", "tomllib", "extra inputs"):
        assert jargon not in said


def test_a_disk_that_may_not_be_erased_is_for_the_plan_to_refuse(tmp_path: Path) -> None:
    assert load(write(tmp_path, LOGIN + '[disk]\nserial = "S1"\n')).disk.erase is False


def test_a_byte_order_mark_and_windows_line_ends_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    text = f'{LOGIN}[time]\nntp = "none"\n[hooks]\ninstalled = """\n#!/bin/sh\nx\n"""\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    answers = load(path)
    assert answers.time.ntp is NtpMode.NONE
    assert answers.hooks.installed == "#!/bin/sh\nx\n"


def test_line_numbers_hold_with_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_bytes(b"[host]\r\n\r\nname = 5\r\n")
    assert [problem.line for problem in check(path)] == [1, 3]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "this is a directory"),
        (lambda path: path.write_bytes(b"# " + b"x" * 2**20), "larger than 1 MiB"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_what_is_no_readable_file_is_refused_by_name_and_without_a_line(tmp_path: Path, make: object, text: str) -> None:
    path = tmp_path / "answers.toml"
    assert callable(make)
    make(path)
    (problem,) = check(path)
    assert problem.line == 0
    assert problem.shown(path).startswith(f"{path}: {text}")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, LOGIN)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read everything
        os.seteuid(65534)
    try:
        assert "not permitted" in check(path)[0].text
    finally:
        os.seteuid(user)


def test_a_path_with_a_nul_is_refused() -> None:
    assert "not a path" in check(Path("a\0b"))[0].text


def test_a_pipe_is_read_and_its_names_are_relative_to_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hook.sh").write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    reading, writing = os.pipe()
    os.write(writing, f'{LOGIN}[hooks]\ninstalled = "hook.sh"\n'.encode())
    os.close(writing)
    try:
        assert load(Path(f"/dev/fd/{reading}")).hooks.installed == "#!/bin/sh\n"
    finally:
        os.close(reading)


def test_thousands_of_mistakes_are_cut_and_the_cut_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "[root]\n" + "".join(f"k{number} = 1\n" for number in range(5000)))
    problems = check(path)
    assert [problem.line for problem in problems] == list(range(2, 103))
    assert problems[-1].text.startswith("and 4900 more problems")


def test_a_password_file_is_hashed_and_forgotten(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"correct horse\r\nsecond line\n")
    secret.chmod(0o600)
    root = load(write(tmp_path, '[root]\npassword_file = "secret"\n')).root
    assert root.password_hash is not None
    assert root.password_hash.get_secret_value().startswith("$y$")
    assert (root.password_file, root.password_stdin) == (None, False)


def test_a_password_file_that_everybody_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    secret.chmod(0o600 | stat.S_IROTH)
    load(write(tmp_path, '[root]\npassword_file = "secret"\n'))
    assert "everybody can read the password" in caplog.text
    assert "correct horse" not in caplog.text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the password is empty; write it on the first line"),
        (b"\nsecond line is long\n", "the password is empty; write it on the first line"),
        (b"short\n", "the password has only 5 characters; give at least 8"),
        (b"x" * 513, "the password is too long; give at most 512 bytes"),
        (b"abcdefgh\0ij", "the password holds a NUL byte; give a text file"),
    ],
)
def test_a_password_that_cannot_be_used_is_refused_without_being_told(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "secret").write_bytes(data)
    path = write(tmp_path, '\n[root]\npassword_file = "secret"\n')
    assert [problem.shown("F") for problem in check(path)] == [f"F:3: root.password_file: secret: {text}"]
    path = write(tmp_path, "\n[root]\npassword_stdin = true\n")
    with pytest.raises(AnswersError, match=r":3: root\.password_stdin: on standard input, ") as caught:
        load(path, stdin=lambda: data)
    assert caught.value.message.endswith(text)


def test_check_does_not_read_standard_input(tmp_path: Path) -> None:
    assert check(write(tmp_path, "[root]\npassword_stdin = true\n")) == []


def test_load_asks_for_a_password_only_where_the_answers_do(tmp_path: Path) -> None:
    def stdin() -> bytes:
        raise AssertionError("nobody asked")

    load(write(tmp_path, LOGIN), stdin=stdin)
    with pytest.raises(AnswersError, match="there is no standard input to read here"):
        load(write(tmp_path, "[root]\npassword_stdin = true\n"))


def test_hooks_are_read_from_files_beside_the_answers(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "last.sh").write_bytes(b"#!/bin/sh\r\necho ok\r\n")
    path = write(tmp_path, LOGIN + '[hooks]\nfirst_boot = "hooks/last.sh"\ninstalled = "#!/bin/true"\n')
    hooks = load(path).hooks
    assert (hooks.first_boot, hooks.installed, hooks.before_disk) == ("#!/bin/sh\necho ok\n", "#!/bin/true", None)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"echo no interpreter\n", "h.sh does not begin with #!"),
        (b"#!/bin/sh\n\xff\n", "h.sh is not text in UTF-8"),
        (b"#!/bin/sh\n\0\n", "h.sh holds a NUL byte"),
        (b"#!" + b"x" * 65536, "h.sh is longer than 65536 characters"),
    ],
)
def test_a_hook_that_is_no_script_is_refused_with_its_line(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "h.sh").write_bytes(data)
    (problem,) = check(write(tmp_path, LOGIN + '[hooks]\n\nfirst_boot = "h.sh"\n'))
    assert (problem.line, problem.key) == (5, "hooks.first_boot")
    assert problem.text.startswith(f"{text}; ")


def test_a_wrong_value_does_not_hide_what_other_rules_find(tmp_path: Path) -> None:
    text = f'[root]\nssh_keys = ["{KEY}"]\n[network]\nvlan = 0\nnic = "eno1"\nbond = {{ members = ["a", "b"] }}\n'
    text += '[network.ipv4]\nmethod = "static"\n[network.ipv6]\nmethod = "statik"\naddress = "2001:db8::1/64"\n'
    keys = [problem.key for problem in check(write(tmp_path, text))]
    # The IPv6 rules stay silent, for nobody knows which method was meant.
    assert keys == ["network.vlan", "network.nic", "network.ipv4.address", "network.ipv6.method"]
