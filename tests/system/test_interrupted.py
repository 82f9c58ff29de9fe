"""Runs that end before their time: whatever happened, going on gives the same host, and nothing stays behind."""

import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import EXAMPLE
from .installer import SEED, Event, Run, at, install, leftovers, xeninstall
from .tree import differences, manifest

pytestmark = pytest.mark.root

Manifest = dict[str, tuple[object, ...]]


@pytest.fixture(scope="module")
def undisturbed(example: Path) -> Manifest:
    """The tree that a run without any interruption gives."""
    return manifest(example)


@pytest.fixture
def target(images: Path) -> Iterator[Path]:
    """A path for an image that goes away after the test, with whatever a killed run left of it."""
    path = images / f"interrupted{os.urandom(4).hex()}.img"
    yield path
    for node in leftovers(path):
        subprocess.run(
            ["umount" if not node.startswith("/dev/") else "losetup", *(["-d"] if node.startswith("/dev/") else []), node]
        )
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()


def test_killed_at_every_stage_boundary_and_resumed_is_the_same_host(
    undisturbed: Manifest, system_image: Path, target: Path
) -> None:
    """One installation, killed when each stage begins and again when it ends, each time gone on with from there."""
    killed: set[tuple[str, str]] = set()
    for _ in range(3):  # a busy machine gets over the short stages before the signal reaches it: those come once more
        killed |= _killed_at_boundaries(target, system_image, killed)
        assert not differences(undisturbed, manifest(target))
        assert leftovers(target) == []
        stages = json.loads(Path(f"{target}.journal.json").read_text())["finished"]
        boundaries = {(kind, stage) for kind in ("StageStarted", "StageFinished") for stage in stages}
        missed = boundaries - killed - {("StageFinished", stages[-1])}
        if not missed:
            break
    assert not missed


def _killed_at_boundaries(target: Path, system_image: Path, done: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Install anew, killed at each boundary that is not among the done ones; returns at which."""
    killed: list[Event] = []
    more: tuple[str, ...] = ("--seed", SEED)
    while True:
        hit = done | {(event["event"], event["stage"]) for event in killed}
        run = install(EXAMPLE, target, system_image, *more, until=lambda event, hit=hit: _boundary(event, hit))  # type: ignore[misc]
        if run.status != -signal.SIGKILL:
            break
        killed.append(run.events[-1])
        assert len(killed) < 40
        if Path(f"{target}.journal.json").exists():
            more = ("--resume",)
    assert run.status == 0, run.stderr
    return {(event["event"], event["stage"]) for event in killed}


@pytest.mark.parametrize("number", range(3))
def test_killed_at_random_moments_and_resumed_is_the_same_host(
    number: int, undisturbed: Manifest, system_image: Path, target: Path
) -> None:
    dice = random.Random(number)
    moments = []
    more: tuple[str, ...] = ("--seed", SEED)
    for _ in range(3):
        moments.append(round(dice.uniform(0.6, 9.0), 2))
        run = install(EXAMPLE, target, system_image, *more, after_seconds=moments[-1])
        if run.status == 0 or _is_done(target):  # the last moment is after all the work
            break
        assert run.status == -signal.SIGKILL, run.stderr
        if Path(f"{target}.journal.json").exists():
            more = ("--resume",)
    else:
        run = install(EXAMPLE, target, system_image, *more)
    assert _is_done(target), f"killed after {moments} s: {run.stderr}"
    assert not differences(undisturbed, manifest(target)), f"killed after {moments} s"
    assert leftovers(target) == []


def _is_done(target: Path) -> bool:
    journal = Path(f"{target}.journal.json")
    return journal.exists() and json.loads(journal.read_text())["state"] == "done"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_releases_everything_and_can_be_resumed(
    number: signal.Signals, undisturbed: Manifest, system_image: Path, target: Path
) -> None:
    stage = "unpack" if number == signal.SIGINT else "configure"
    run = install(EXAMPLE, target, system_image, "--seed", SEED, until=at("StageStarted", stage), send=number)
    assert run.status == 4, run.stderr
    assert "--resume" in run.stderr and "Traceback" not in run.stderr
    assert run.events[-1]["event"] == "Failed" and run.events[-1]["exit_code"] == 4
    assert leftovers(target) == []
    journal = json.loads(Path(f"{target}.journal.json").read_text())
    assert (journal["state"], journal["stage"]) == ("stopped", stage)
    again = install(EXAMPLE, target, system_image, "--resume")
    assert again.status == 0, again.stderr
    skipped = [event["stage"] for event in again.events if event["event"] == "StageFinished" and event["skipped"]]
    assert skipped == journal["finished"]
    assert not differences(undisturbed, manifest(target))


def test_what_cannot_be_resumed_is_refused(example: Path, system_image: Path, target: Path, tmp_path: Path) -> None:
    nothing = install(EXAMPLE, target, system_image, "--resume")
    assert nothing.status == 2 and "nothing to resume" in nothing.stderr
    finished = install(EXAMPLE, example, system_image, "--resume")
    assert finished.status == 2 and "finished" in finished.stderr
    begun = install(EXAMPLE, target, system_image, "--seed", SEED, until=at("StageStarted", "partition"))
    assert begun.status == -signal.SIGKILL
    other = tmp_path / "other.toml"
    other.write_text(EXAMPLE.read_text().replace("xenhost", "another"))
    changed = install(other, target, system_image, "--resume")
    assert changed.status == 2 and "differ" in changed.stderr
    Path(f"{target}.journal.json").write_text("{}")
    damaged = install(EXAMPLE, target, system_image, "--resume")
    assert damaged.status == 2 and "journal" in damaged.stderr and "Traceback" not in damaged.stderr


def test_a_full_disk_under_the_image_fails_the_run_and_room_lets_it_go_on(
    undisturbed: Manifest, system_image: Path, tmp_path: Path
) -> None:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1600M", "tmpfs", place], check=True)
    try:
        target, hog = place / "host.img", place / "hog"

        def full(event: Event) -> bool:
            if event["event"] == "StageStarted" and event["stage"] == "unpack":
                free = shutil.disk_usage(place).free
                subprocess.run(["fallocate", "-l", str(free - 100 * 2**20), hog], check=True)
            return False

        run = install(EXAMPLE, target, system_image, "--seed", SEED, until=full)
        assert run.status == 1, run.stderr
        assert "Traceback" not in run.stderr and "-> " in run.stderr
        assert leftovers(target) == []
        hog.unlink()
        again = install(EXAMPLE, target, system_image, "--resume")
        assert again.status == 0, again.stderr
        assert not differences(undisturbed, manifest(target))
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_second_run_onto_the_same_target_is_refused_and_harms_nothing(
    undisturbed: Manifest, system_image: Path, target: Path
) -> None:
    second: list[Run] = []

    def meanwhile(event: Event) -> bool:
        if event["event"] == "StageStarted" and event["stage"] == "unpack":
            arguments = ("install", EXAMPLE, "--target", target, "--system", system_image)
            second.extend(xeninstall(*arguments, *more) for more in ((), ("--resume",)))
        return False

    run = install(EXAMPLE, target, system_image, "--seed", SEED, until=meanwhile)
    assert run.status == 0, run.stderr
    for refused in second:
        assert refused.status == 3, refused.stderr
        assert "another xeninstall is working on" in refused.stderr
    assert len(second) == 2
    assert not differences(undisturbed, manifest(target))


def _boundary(event: Event, done: set[tuple[str, str]]) -> bool:
    """A stage's begin or end that no run was killed at yet; stages that an earlier run had done do not count."""
    if event["event"] not in ("StageStarted", "StageFinished") or event["stage"] == "check" or event.get("skipped"):
        return False
    return (event["event"], event["stage"]) not in done
