"""A plan carried out: order, journal, events, and that nothing is left behind however a run ends."""

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.apply.played import Host
from xeninstall.apply import guard, target, unpack
from xeninstall.apply.journal import Journal
from xeninstall.base.errors import Error, RequirementError, Stopped, UsageError
from xeninstall.base.events import Event, Failed, Finished, StageFinished, StageStarted
from xeninstall.base.run import Completed

_STAGES = ["prepare", "partition", "filesystems", "storage", "unpack", "configure", "packages", "boot", "verify", "finish"]


@pytest.fixture
def new_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Host]:
    monkeypatch.setattr(target, "STATE", tmp_path / "state")
    monkeypatch.setattr(target, "populate", lambda *_: None)
    monkeypatch.setattr("time.sleep", lambda _: None)

    def make(name: str) -> Host:
        host = Host(tmp_path / name)
        monkeypatch.setattr(unpack, "os", SimpleNamespace(statvfs=host.statvfs))
        return host

    return make


@pytest.fixture
def host(new_host: Callable[[str], Host]) -> Host:
    return new_host("host")


def _fails(program: str, said: str = "it broke") -> Callable[[tuple[str, ...]], Completed | None]:
    return lambda argv: Completed(argv, 1, "", said) if argv[0] == program else None


def _last(host: Host) -> Event:
    return host.events[-1]


def test_every_stage_is_told_and_written_down_and_everything_is_released(host: Host) -> None:
    host.run()
    assert [event.stage for event in host.events if isinstance(event, StageStarted)] == ["check", *_STAGES]
    assert [(event.number, event.total) for event in host.events if isinstance(event, StageStarted)] == [
        (number, 11) for number in range(1, 12)
    ]
    end = _last(host)
    assert isinstance(end, Finished) and end.facts == host.plan().facts
    journal = Journal.read(host.files.journal)
    assert (journal.state, journal.finished, journal.stage) == ("done", _STAGES, "")
    assert host.released
    assert host.tree()["etc/hostname"] == b"xenhost\n"
    assert host.tree()["var/log/xeninstall/plan.txt"]


def test_the_root_is_checked_when_nothing_writes_to_it_any_more(host: Host) -> None:
    host.run()
    programs = host.runner.programs()
    checked = programs.index("e2fsck")
    assert "mount" not in programs[checked:]


# ---- nothing is written before every check has passed --------------------------------------------------------------------

_LOOKS = {("losetup", "--noheadings")}


def _damage(host: Host) -> None:
    host.files.squashfs.write_bytes(b"squashfs" * 99 + b"squashfX")


def _no_room(host: Host) -> None:
    host.image = host.image.model_copy(update={"unpacked_bytes": 2**60})


def _read_only(host: Host) -> None:
    host.target.write_bytes(b"precious")
    host.target.chmod(0o444)


@pytest.mark.parametrize(("trouble", "code"), [(_damage, 1), (_no_room, 3), (_read_only, 3)])
def test_a_check_that_fails_stops_the_run_before_anything_was_written(
    host: Host, trouble: Callable[[Host], None], code: int
) -> None:
    trouble(host)
    before = host.target.read_bytes() if host.target.exists() else None
    with pytest.raises(Error) as caught:
        host.run()
    assert caught.value.exit_code == code
    end = _last(host)
    assert isinstance(end, Failed) and (end.stage, end.exit_code) == ("check", code)
    assert {argv[:2] for argv in host.runner.ran} <= _LOOKS
    assert (host.target.read_bytes() if host.target.exists() else None) == before
    assert not host.files.journal.exists(), "there is nothing that could be resumed"


def test_the_first_thing_that_writes_comes_after_the_last_check(host: Host) -> None:
    checked: list[int] = []

    def seen(event: Event) -> None:
        if isinstance(event, StageFinished) and event.stage == "check":
            checked.append(len(host.runner.ran))
            assert not host.target.exists()

    host.emit = seen
    host.run()
    assert {argv[:2] for argv in host.runner.ran[: checked[0]]} <= _LOOKS


# ---- what goes wrong -----------------------------------------------------------------------------------------------------


def test_a_failure_names_stage_cause_and_what_to_do(host: Host) -> None:
    host.disturb = _fails("mkfs.ext4", "no such device")
    with pytest.raises(Error) as caught:
        host.run()
    assert caught.value.message.endswith("failed with status 1: no such device")
    assert caught.value.hint == "mend the cause, then use the same command with --resume"
    assert _last(host) == Failed("filesystems", caught.value.message, caught.value.hint, 1)
    journal = Journal.read(host.files.journal)
    assert (journal.state, journal.stage, journal.finished) == ("failed", "filesystems", _STAGES[:2])
    assert journal.message == caught.value.message
    assert host.released


def test_a_full_file_system_is_told_in_words(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/run/x/root/etc/hostname")

    monkeypatch.setattr("xeninstall.apply.host_files.write_file", full)
    with pytest.raises(Error) as caught:
        host.run()
    assert caught.value.message == "/run/x/root/etc/hostname: No space left on device"
    assert caught.value.hint.endswith("make room, then use the same command with --resume")
    assert isinstance(_last(host), Failed) and host.released


def test_files_that_got_lost_on_the_way_are_noticed(host: Host) -> None:
    host.free_inodes -= 1

    def loses(argv: tuple[str, ...]) -> None:
        if argv[0] == "unsquashfs":
            host.free_inodes += 3

    host.disturb = loses
    with pytest.raises(Error, match="19997 files arrived instead of 20000"):
        host.run()


def test_ctrl_c_stops_releases_and_can_be_resumed(host: Host) -> None:
    host.disturb = lambda argv: KeyboardInterrupt() if argv[0] == "unsquashfs" else None
    with pytest.raises(Stopped) as caught:
        host.run()
    assert caught.value.exit_code == 4
    assert caught.value.message == "stopped during the stage unpack"
    assert _last(host) == Failed("unpack", caught.value.message, "go on later with the same command and --resume", 4)
    assert Journal.read(host.files.journal).state == "stopped"
    assert host.released


def test_ctrl_c_during_the_checks_leaves_nothing_at_all(host: Host) -> None:
    host.disturb = lambda argv: KeyboardInterrupt() if argv[0] == "losetup" else None
    host.target.write_bytes(b"precious")
    with pytest.raises(Stopped, match="stopped during the stage check"):
        host.run()
    assert host.target.read_bytes() == b"precious" and not host.files.journal.exists()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in use is given up soon."""
    monkeypatch.setattr(target, "_UNMOUNT_WAITS_SECONDS", (0.0, 0.1))


def _in_use(host: Host, first: Callable[[tuple[str, ...]], Completed | None]) -> None:
    def both(argv: tuple[str, ...]) -> Completed | None:
        if argv[0] == "umount" and argv[1].endswith("/root"):
            return Completed(argv, 32, "", "umount: target is busy.")
        return first(argv)

    host.disturb = both


@pytest.mark.usefixtures("impatient")
def test_what_cannot_be_released_does_not_hide_what_went_wrong_first(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    _in_use(host, lambda argv: Completed(argv, 1, "", "no menu") if argv[-1] == "update-grub" else None)
    with caplog.at_level("WARNING", "xeninstall"), pytest.raises(Error) as caught:
        host.run()
    assert caught.value.message.endswith("update-grub failed with status 1: no menu")
    assert "cannot be unmounted: umount: target is busy." in caplog.text
    assert not host.loops, "what can be released is"


@pytest.mark.usefixtures("impatient")
def test_what_cannot_be_released_at_the_end_is_a_failure(host: Host) -> None:
    _in_use(host, lambda argv: None)
    with pytest.raises(Error, match=r"/root cannot be unmounted: umount: target is busy") as caught:
        host.run()
    assert caught.value.hint.startswith("see what uses it with: fuser -vm ")


def test_another_run_is_respected_and_its_journal_stays_as_it_is(host: Host) -> None:
    host.disturb = _fails("mkfs.ext4")
    with pytest.raises(Error):
        host.run()
    before, commands = host.files.journal.read_bytes(), len(host.runner.ran)
    with guard.sole_run(str(host.target)), pytest.raises(RequirementError, match="another xeninstall is working on"):
        host.run(resume=True)
    assert host.files.journal.read_bytes() == before
    assert len(host.runner.ran) == commands
    assert isinstance(_last(host), Failed)


# ---- resuming ------------------------------------------------------------------------------------------------------------


def test_resuming_with_other_answers_is_refused(host: Host) -> None:
    host.disturb = _fails("mkfs.ext4")
    with pytest.raises(Error):
        host.run()
    host.toml = '[host]\nname = "other"'
    with pytest.raises(UsageError, match="differ from those of the interrupted run"):
        host.run(resume=True)


@pytest.mark.parametrize("stage", _STAGES)
@pytest.mark.parametrize("where", [StageStarted, StageFinished])
def test_stopped_at_any_stages_edge_and_resumed_the_host_is_the_same(
    new_host: Callable[[str], Host], stage: str, where: type
) -> None:
    host = new_host("host")

    def stop(event: Event) -> None:
        if type(event) is where and getattr(event, "stage", "") == stage:
            raise KeyboardInterrupt

    host.emit = stop
    with pytest.raises(Stopped):
        host.run()
    assert host.released
    host.emit = lambda event: None
    host.run(resume=True)
    assert isinstance(_last(host), Finished) and host.released
    skipped = [event.stage for event in host.events if isinstance(event, StageFinished) and event.skipped]
    assert skipped == _STAGES[: _STAGES.index(stage)], "finished stages are not repeated"
    undisturbed = new_host("host2")
    undisturbed.run()
    once, again = host.tree(), undisturbed.tree()
    for tree in (once, again):
        tree.pop("var/log/xeninstall/plan.txt")  # it names the image file
    assert once == again
    assert host.esp == undisturbed.esp
