"""Processes of the build: nothing outlives it, nothing stays mounted."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from iso.contained import contained, inside, run_inside, watch
from xeninstall.base.run import CommandError, Completed, Process, SystemRunner

from .fake import Recorder, done


def test_a_failure_inside_names_the_program_and_not_how_it_was_entered(tmp_path: Path) -> None:
    runner = Recorder(lambda argv: done(argv, status=100, stderr="E: broken"))
    with pytest.raises(CommandError, match=r"^apt-get update failed with status 100: E: broken$"):
        run_inside(runner, tmp_path, ["apt-get", "update"])


def test_directories_of_the_build_machine_are_handed_in_by_name(tmp_path: Path) -> None:
    argv = inside(tmp_path, ["true"], {"pool": Path("/srv/pool")})
    assert argv[-4:] == ["/srv/pool", "pool", "--", "true"]


def test_a_watched_command_is_stopped_when_we_are() -> None:
    stopped: list[bool] = []

    class Busy:
        def poll(self) -> int | None:
            return None

        def wait_for(self, _seconds: float) -> Completed | None:
            raise KeyboardInterrupt

        def stop(self) -> None:
            stopped.append(True)

    class Starts(Recorder):
        def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Process:
            return Busy()

    with pytest.raises(KeyboardInterrupt):
        watch(Starts(), ["sleep", "9"], ["sleep"], lambda: "", lambda _line: None)
    assert stopped == [True]


@pytest.mark.root
def test_mounts_made_inside_are_not_seen_outside(tmp_path: Path) -> None:
    script = 'mount -t tmpfs tmpfs "$0" && touch "$0/seen" && ls "$0"'
    said = SystemRunner().run(contained(["sh", "-c", script, str(tmp_path)])).stdout
    assert said == "seen\n"
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


@pytest.mark.root
def test_a_killed_builder_takes_its_children_along(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    script = f"while :; do date +%s%N > {beat}; sleep 0.05; done"
    code = "import sys; from xeninstall.base.run import SystemRunner; from iso.contained import contained; "
    code += "SystemRunner().run(contained(['sh', '-c', sys.argv[1]]))"
    builder = subprocess.Popen([sys.executable, "-c", code, script], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 10
    while not beat.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert beat.exists()
    builder.kill()
    builder.wait()
    time.sleep(0.3)
    last = beat.read_bytes()
    time.sleep(0.3)
    assert beat.read_bytes() == last
