"""Processes are really started here: environment, standard input, secrets, missing programs, and their end with ours."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from xeninstall.base.errors import Error
from xeninstall.base.run import PACKAGE_OF, CommandError, MissingTool, SystemRunner, find_tool, talk

RUNNER = SystemRunner()


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def _until(condition: "object", seconds: float = 10) -> bool:
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_output_comes_back_as_text() -> None:
    done = RUNNER.run(["sh", "-c", "echo out; echo err >&2"])
    assert (done.status, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_arguments_are_no_shell_text() -> None:
    assert RUNNER.run(["printf", "%s", "$(id); `id` *"]).stdout == "$(id); `id` *"


def test_a_failure_names_the_command_and_what_it_said() -> None:
    with pytest.raises(CommandError) as caught:
        RUNNER.run(["sh", "-c", "echo 'no such disk' >&2; exit 3"])
    assert caught.value.message == "sh -c 'echo '\"'\"'no such disk'\"'\"' >&2; exit 3' failed with status 3: no such disk"
    assert caught.value.status == 3


def test_a_failure_that_is_expected_is_a_value() -> None:
    assert RUNNER.run(["false"], check=False).status == 1


def test_a_command_that_was_killed_says_by_what() -> None:
    with pytest.raises(CommandError, match=r"was killed by SIGKILL: it said nothing"):
        RUNNER.run(["sh", "-c", "kill -KILL $$"])


def test_the_locale_is_plain_and_the_environment_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("TOKEN", "hidden")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    lines = set(RUNNER.run(["env"]).stdout.splitlines())
    assert {"LC_ALL=C.UTF-8", "LANG=C.UTF-8", "SOURCE_DATE_EPOCH=7"} <= lines
    assert not any(line.startswith("TOKEN=") for line in lines)


def test_programs_of_the_system_are_found_where_a_path_leaves_them_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_tool("losetup") is not None
    assert "losetup" in RUNNER.run(["losetup", "--version"]).stdout


def test_standard_input_is_closed_unless_given() -> None:
    assert RUNNER.run(["cat"]).stdout == ""
    assert RUNNER.run(["cat"], stdin=b"given").stdout == "given"


def test_what_goes_in_by_standard_input_is_in_no_log_and_no_argument(caplog: pytest.LogCaptureFixture) -> None:
    secret = b"s3cret-marker"
    with caplog.at_level(logging.DEBUG):
        done = RUNNER.run(["sh", "-c", "cat /proc/$$/cmdline; cat >/dev/null; echo 'went wrong' >&2"], stdin=secret)
        with pytest.raises(CommandError) as caught:
            RUNNER.run(["sh", "-c", "cat >/dev/null; exit 1"], stdin=secret)
    assert "went wrong" in caplog.text, "the log is really being looked at"
    assert secret.decode() not in caplog.text + done.stdout + str(caught.value)


def test_each_command_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "xeninstall.run"):
        RUNNER.run(["printf", "a b\nc"])
    assert caplog.messages[0] == "+ printf 'a b\nc'"
    assert caplog.messages[1] == "status 0"


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xeninstall.base.run._PATH", "/nowhere")
    with pytest.raises(MissingTool) as caught:
        RUNNER.run(["mcopy"])
    assert (caught.value.message, caught.value.hint) == ("the program mcopy is missing", "install the Debian package mtools")


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program"])
def test_a_program_that_nobody_knows_is_missing_all_the_same(name: str) -> None:
    for start in (RUNNER.run, RUNNER.start):
        with pytest.raises(MissingTool) as caught:
            start([name])
        assert caught.value.hint == f"install a package that provides {name}"


def test_a_missing_directory_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(Error, match=r"^echo could not be started in .*gone: No such file or directory"):
        RUNNER.run(["echo"], cwd=tmp_path / "gone")


def test_packages_are_named_for_programs_that_debian_has() -> None:
    assert {name for name in PACKAGE_OF if find_tool(name)} >= {"lsblk", "losetup", "sfdisk", "mcopy", "mkfs.ext4", "unsquashfs"}


def test_output_that_is_not_text_does_not_stop_us() -> None:
    assert RUNNER.run(["printf", r"\377\376ok"]).stdout.endswith("ok")


def test_much_output_and_much_input_do_not_block() -> None:
    size = 3 * 2**20
    done = RUNNER.run(["sh", "-c", "tee /dev/stderr"], stdin=b"x" * size)
    assert (len(done.stdout), len(done.stderr)) == (size, size)


def test_a_started_command_is_watched_until_it_ends(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    process = RUNNER.start(["sh", "-c", f"while [ ! -e {gate} ]; do sleep 0.02; done; echo through; exit 5"])
    assert process.poll() is None
    assert process.wait_for(0.05) is None
    gate.touch()
    done = process.wait_for(10)
    assert done is not None
    assert (done.status, done.stdout) == (5, "through\n")


def test_stopping_ends_the_command_and_what_it_started_even_when_that_is_stubborn(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stubborn = f"(trap '' TERM; echo $BASHPID >> {pids}; while :; do sleep 0.05; done) & echo $! > {pids}.ok; wait"
    process = RUNNER.start(["bash", "-c", stubborn])
    assert _until(lambda: pids.exists() and pids.read_text().strip())
    child = int(pids.read_text())
    process.stop()
    assert process.poll() is not None
    assert _until(lambda: not _alive(child), 2)


def test_ctrl_c_ends_the_running_command(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    ready = threading.Event()

    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        _until(lambda: note.exists() and note.read_text().strip())
        # On a busy machine the command can be this far before Popen has returned; what is started then dies with us instead.
        time.sleep(0.5)
        ready.set()
        signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            RUNNER.run(["sh", "-c", f"echo $$ > {note}; exec sleep 60"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert ready.is_set()
    assert not _alive(int(note.read_text()))


def test_when_we_are_killed_the_command_does_not_go_on(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"""
from xeninstall.base.run import SystemRunner
SystemRunner().run(["sh", "-c", "echo $$ > {note}; exec sleep 60"])
"""
    parent = subprocess.Popen([sys.executable, "-c", script])
    assert _until(lambda: note.exists() and note.read_text().strip())
    child = int(note.read_text())
    assert _alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert _until(lambda: not _alive(child))


def test_a_program_is_talked_to_until_its_input_ends() -> None:
    channel = talk(["cat"])
    os.write(channel.writes, b"hello\n")
    assert os.read(channel.reads, 100) == b"hello\n"
    channel.end_input()
    assert os.read(channel.reads, 100) == b""
    assert channel.close() == 0


def test_what_it_complains_of_and_how_it_ended_is_kept() -> None:
    channel = talk(["sh", "-c", 'echo "$P2V_TEST" >&2; cat >/dev/null; exit 7'], {"P2V_TEST": "why"})
    assert channel.close() == 7
    assert channel.said == "why"


def test_one_that_does_not_end_is_ended() -> None:
    channel = talk(["sleep", "1000"])
    assert channel.stop(0.1) == -signal.SIGTERM
    assert os.read(channel.reads, 1) == b"", "whoever waits for it wakes up"
    channel.close(0)
    with pytest.raises(MissingTool):
        talk(["no-such-program"])
