"""What a run leaves for people: records on the host, a log of its own, and the bundle to send."""

import json
import logging
import tarfile
from pathlib import Path

import pytest

from tests.given import Recorder, image_plan
from xeninstall.apply import records
from xeninstall.base.errors import Error
from xeninstall.base.run import Completed


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "records"
    (place / "root/etc").mkdir(parents=True)
    (place / "install.log").write_text("log")
    (place / "abc.journal.json").write_text("{}")
    (place / "abc.lock").write_text("")
    (place / "root/etc/secret.json").write_text("of the mounted target")
    monkeypatch.setattr(records, "PLACES", (place, tmp_path / "none"))
    return place


def _content(out: Path) -> dict[str, bytes]:
    with tarfile.open(out) as tar:
        return {
            member.name.split("/", 1)[1]: file.read()
            for member in tar.getmembers()
            if (file := tar.extractfile(member)) is not None
        }


def test_the_bundle_holds_records_and_what_the_system_says(tmp_path: Path, places: Path) -> None:
    out, extra = tmp_path / "out.tar.gz", tmp_path / "host.img.log"
    extra.write_text("of the image")
    runner = Recorder(lambda argv: Completed(argv, 1, "said", " and complained"))
    names = records.bundle(out, [extra, tmp_path / "not there"], runner)
    held = _content(out)
    assert {name.split("/", 1)[1] for name in names} == set(held)
    assert {name for name in held if name.startswith("files/")} == {
        f"files{place}" for place in (places / "abc.journal.json", places / "install.log", extra)
    }, "the target that is mounted below is not copied"
    assert held["commands/findmnt.txt"] == b"said and complained"
    assert set(json.loads(held["about.json"])) == {"xeninstall", "python", "kernel", "made"}


def test_the_bundle_repeats_no_password_of_the_kernels_command_line(
    tmp_path: Path, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "find_tool", lambda name: name)
    said = "Command line: quiet xeninstall.answers=https://root:MARKER@fleet.example.org/a?token=MARKER ro\n"
    records.bundle(tmp_path / "out.tar.gz", [], Recorder(lambda argv: Completed(argv, 0, said, "")))
    with tarfile.open(tmp_path / "out.tar.gz") as tar:
        name = next(name for name in tar.getnames() if "dmesg_--time" in name)
        told = tar.extractfile(name)
        assert told is not None
        text = told.read().decode()
    assert "MARKER" not in text and "fleet.example.org/a" in text and text.endswith(" ro\n")


def test_the_bundle_is_private_and_overwrites_nothing(tmp_path: Path, places: Path) -> None:
    out = tmp_path / "out.tar.gz"
    records.bundle(out, [], Recorder())
    with tarfile.open(out) as tar:
        assert {member.mode for member in tar.getmembers()} == {0o600}
    before = out.read_bytes()
    with pytest.raises(Error) as caught:
        records.bundle(out, [], Recorder())
    assert (caught.value.message, caught.value.hint) == (f"{out} exists", "name another file with --output")
    assert out.read_bytes() == before
    with pytest.raises(Error, match="cannot be written: No such file or directory"):
        records.bundle(tmp_path / "none/out.tar.gz", [], Recorder())


def test_the_host_keeps_log_plan_and_answers_for_root_alone(tmp_path: Path) -> None:
    root, log = tmp_path / "root", tmp_path / "log"
    root.mkdir()
    log.write_bytes(b"told \xff")
    runner = Recorder()
    records.keep(root, image_plan(), "# answers\n", log, runner)
    kept = root / "var/log/xeninstall"
    assert sorted(path.name for path in kept.iterdir()) == ["answers.toml", "install.log", "plan.txt"]
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o640}
    assert kept.stat().st_mode & 0o777 == 0o750
    assert (root / "etc/xeninstall/answers.toml").read_text() == "# answers\n"
    assert "1. Preparation" in (kept / "plan.txt").read_text()
    assert runner.programs() == ["sync"]


def test_the_log_is_private_and_makes_no_directory(tmp_path: Path, quiet_log: logging.Logger) -> None:
    path = tmp_path / "host.img.log"
    handler = records.log_to(path)
    quiet_log.debug("told")
    handler.close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().endswith(" xeninstall DEBUG told\n")
    with pytest.raises(Error, match="cannot be written: No such file or directory"):
        records.log_to(tmp_path / "none/host.img.log")
    assert not (tmp_path / "none").exists()
