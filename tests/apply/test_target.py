"""Where a plan is carried out: what was put together is taken apart again, from the top."""

import os
import signal
from pathlib import Path

import pytest

from tests.given import Recorder, plan_for
from xeninstall.apply import target
from xeninstall.apply.target import Ground, Target

_MIRROR = '[disk]\nserial = "S45NNA0M500201"\n[disk.mirror]\nserial = "S45NNA0M500202"'


def test_a_volume_group_is_released_before_the_array_that_it_lies_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def node(name: str) -> str:
        (tmp_path / name).touch()
        return str(tmp_path / name)

    monkeypatch.setattr(target, "array_node", node)
    runner = Recorder()
    Target(Ground.of(plan_for("bios-two-disks", _MIRROR)), runner).release()
    done = [" ".join(argv[:2]) + " " + Path(argv[-1]).name for argv in runner.ran if argv[0] in ("vgchange", "mdadm")]
    assert done == ["vgchange --quiet xenvms", "mdadm --stop storage", "mdadm --stop slot-b", "mdadm --stop system"]


@pytest.mark.usefixtures("interruptible")
def test_a_mount_that_was_made_in_the_moment_of_an_interruption_is_undone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(target, "STATE", tmp_path)

    def interrupted(argv: tuple[str, ...]) -> None:
        if argv[0] == "mount":
            os.kill(os.getpid(), signal.SIGINT)

    runner = Recorder(interrupted)
    ground = Ground.of(plan_for("bios-two-disks", '[disk]\nserial = "S45NNA0M500201"'))
    with pytest.raises(KeyboardInterrupt), Target(ground, runner) as ours:
        ours.root()
    assert [argv[0] for argv in runner.ran if argv[0] in ("mount", "umount")] == ["mount", "umount"]
    assert list(tmp_path.iterdir()) == []
