"""The run as a whole: cached, alone, clean after a kill, and plain about what is missing."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from iso import build as whole
from iso import contained, inputs
from iso.build import make_image
from iso.builder import Build, BuildError
from xeninstall.base.errors import ExitCode, RequirementError
from xeninstall.base.run import MissingTool, SystemRunner

from .fake import Recorder, build_in


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stages that note that they ran; the last two write what the real ones write. Runs without root and with little space."""
    ran: list[str] = []

    def base(build: Build) -> None:
        ran.append("base")
        build.base.mkdir()
        (build.base / "debian").write_text("13")

    def pack(build: Build) -> None:
        ran.append("pack")
        assert (build.root / "debian").read_text() == "13"
        build.out.mkdir()
        (build.out / inputs.IMAGE).write_bytes(b"image")
        (build.out / inputs.DESCRIPTION).write_text(json.dumps({"size_bytes": 5}))

    monkeypatch.setattr(whole, "BASE_STAGES", (("Debian", base),))
    monkeypatch.setattr(whole, "STAGES", (("packing", pack),))
    monkeypatch.setattr(whole, "_check_machine", lambda _output: None)
    return ran


def real(tmp_path: Path) -> Build:
    """A Build that may start `cp`."""
    fake = build_in(tmp_path)
    return Build(SystemRunner(), fake.source, fake.output, fake.packages, fake.say)


def test_a_second_build_with_the_same_inputs_does_nothing(tmp_path: Path, stages: list[str]) -> None:
    assert make_image(real(tmp_path), force=False)
    assert not make_image(real(tmp_path), force=False)
    assert stages == ["base", "pack"]


def test_a_changed_product_is_packed_anew_upon_the_debian_that_is_there(tmp_path: Path, stages: list[str]) -> None:
    build = real(tmp_path)
    make_image(build, force=False)
    (build.source / "xeninstall/__init__.py").write_text("changed")
    assert make_image(build, force=False)
    assert stages == ["base", "pack", "pack"]


def test_force_builds_everything_anew(tmp_path: Path, stages: list[str]) -> None:
    make_image(real(tmp_path), force=False)
    assert make_image(real(tmp_path), force=True)
    assert stages == ["base", "pack", "base", "pack"]


def test_a_failed_build_leaves_the_old_image_and_no_scratch(
    tmp_path: Path, stages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = real(tmp_path)
    make_image(build, force=False)

    def fail(_build: Build) -> None:
        raise OSError(28, "No space left on device", "/build/x")

    monkeypatch.setattr(whole, "STAGES", (("packing", fail),))
    with pytest.raises(BuildError, match=r"^/build/x: No space left on device$"):
        make_image(build, force=True)
    assert (build.output / inputs.IMAGE).read_bytes() == b"image"
    assert inputs.is_current(build.output, inputs.image_digest(build.source))
    assert not build.work.exists()


def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path, stages: list[str]) -> None:
    build = real(tmp_path)
    (build.work / "root/proc").mkdir(parents=True)
    (build.work / "base").mkdir()
    assert make_image(build, force=False)
    assert stages == ["base", "pack"]
    assert not build.work.exists()


def test_two_builds_into_one_directory_do_not_mix(tmp_path: Path, stages: list[str]) -> None:
    build = real(tmp_path)
    with (build.output / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BuildError, match="another build works in"):
            make_image(build, force=False)
    assert stages == []


def test_a_missing_tool_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "find_tool", lambda name: None if name == "mmdebstrap" else f"/usr/bin/{name}")
    with pytest.raises(MissingTool, match="mmdebstrap") as missing:
        make_image(build_in(tmp_path), force=False)
    assert "package mmdebstrap" in missing.value.hint


def test_without_root_it_says_so_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Recorder()
    monkeypatch.setattr(whole, "find_tool", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RequirementError, match="needs root") as refused:
        make_image(build_in(tmp_path, runner), force=False)
    assert (refused.value.hint, refused.value.exit_code, runner.commands) == ("run it with sudo", ExitCode.REQUIREMENTS, [])


def test_too_little_room_is_found_out_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "find_tool", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=2**30))
    with pytest.raises(RequirementError, match="has 1 GiB free, building the image needs 4 GiB"):
        make_image(build_in(tmp_path), force=False)


def test_every_tool_that_is_checked_for_names_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in contained.TOOLS:
        assert MissingTool(tool).hint.startswith("install")


def test_an_error_is_one_line_and_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_build: Build, *, force: bool) -> bool:
        raise BuildError("it broke", hint="mend it")

    monkeypatch.setattr(whole, "make_image", fail)
    assert whole.main(["--output", str(tmp_path)]) == ExitCode.FAILED
    assert capsys.readouterr().err == "iso.build: it broke\n  -> mend it\n"
