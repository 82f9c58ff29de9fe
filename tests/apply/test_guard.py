"""The last look before the first write."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.given import SYSTEM, Recorder, image_plan, pack
from xeninstall.apply import guard
from xeninstall.apply.guard import ImageDamaged, TargetBusy
from xeninstall.base.errors import RequirementError, UsageError
from xeninstall.plan.system_image import SystemImage


def _squashfs(tmp_path: Path, content: bytes = b"squash" * 1000) -> tuple[Path, SystemImage]:
    path = tmp_path / "system.squashfs"
    path.write_bytes(content)
    image = SYSTEM.model_copy(update={"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)})
    (tmp_path / "system.json").write_text(image.to_json())
    return path, image


def test_a_whole_image_passes_and_its_reading_is_watched(tmp_path: Path) -> None:
    path, image = _squashfs(tmp_path)
    assert guard.read_system_image(path) == image
    seen: list[tuple[int, int]] = []
    guard.check_system_image(path, image, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6000, 6000)


def test_a_truncated_image_names_both_sizes(tmp_path: Path) -> None:
    path, image = _squashfs(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ImageDamaged) as caught:
        guard.check_system_image(path, image, lambda done, total: None)
    assert caught.value.message == f"{path} has 5999 bytes instead of 6000: it is truncated or another image"
    assert caught.value.hint == "copy or build the system image again; nothing was written"


def test_an_altered_image_names_both_digests(tmp_path: Path) -> None:
    path, image = _squashfs(tmp_path)
    altered = bytearray(path.read_bytes())
    altered[3000] ^= 1
    path.write_bytes(altered)
    with pytest.raises(ImageDamaged) as caught:
        guard.check_system_image(path, image, lambda done, total: None)
    found = hashlib.sha256(altered).hexdigest()
    assert caught.value.message == f"{path} is damaged: its sha256 is {found} instead of {image.sha256}"


@pytest.mark.parametrize("missing", ["system.squashfs", "system.json"])
def test_image_and_description_belong_together(tmp_path: Path, missing: str) -> None:
    path, _ = _squashfs(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(UsageError) as caught:
        guard.read_system_image(path)
    assert caught.value.message == f"the system image {tmp_path / missing} is missing"
    assert caught.value.hint == "build it with: make image, or name it with --system"


@pytest.mark.parametrize("name", ["", "/", ".", "no/such"])
def test_names_that_are_no_file(name: str) -> None:
    with pytest.raises(UsageError, match="is missing"):
        guard.read_system_image(Path(name))


def test_a_damaged_description_is_named(tmp_path: Path) -> None:
    path, image = _squashfs(tmp_path)
    (tmp_path / "system.json").write_text(json.dumps(json.loads(image.to_json()) | {"inodes": "many"}))
    with pytest.raises(UsageError, match=r"system\.json: inodes: "):
        guard.read_system_image(path)


# ---- the target ---------------------------------------------------------------------------------------------------------

_TINY = SYSTEM.model_copy(update={"unpacked_bytes": 0})


def _check(path: Path, image: SystemImage = _TINY) -> None:
    guard.check_target(image_plan(path=str(path)), image, Recorder())


def test_a_free_place_passes(tmp_path: Path) -> None:
    _check(tmp_path / "new.img")
    (tmp_path / "old.img").write_bytes(b"old")
    _check(tmp_path / "old.img")


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_only_regular_files_become_images(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "x"
    if kind == "directory":
        place.mkdir()
    else:
        os.mkfifo(place)
    with pytest.raises(UsageError, match="is neither a disk nor a regular file"):
        _check(place)


def test_no_directory_is_made_for_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"there is no directory {tmp_path}/none"):
        _check(tmp_path / "none/x.img")
    assert not (tmp_path / "none").exists()


def test_a_read_only_image_is_left_alone_even_by_root(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(b"")
    image.chmod(0o444)
    with pytest.raises(TargetBusy, match=r"x\.img is read-only"):
        _check(image)


def test_no_room_is_said_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(RequirementError) as caught:
        _check(tmp_path / "x.img", SYSTEM.model_copy(update={"unpacked_bytes": 2**60}))
    assert "free, and the installed system takes" in caught.value.message
    assert caught.value.hint == "make room, or name another --target; nothing was written"


def test_chosen_package_sets_take_room_too(tmp_path: Path) -> None:
    huge = {name: found.model_copy(update={"unpacked_bytes": 2**50}) for name, found in SYSTEM.sets.items()}
    image = _TINY.model_copy(update={"sets": huge})
    guard.check_target(image_plan(path=str(tmp_path / "x.img")), image, Recorder())
    with pytest.raises(RequirementError, match="free, and the installed system takes 1024 TiB"):
        guard.check_target(image_plan('packages.sets = ["pool"]', path=str(tmp_path / "x.img")), image, Recorder())


def test_packs_take_room_too(tmp_path: Path) -> None:
    huge = replace(pack(), size_bytes=2**50)
    with pytest.raises(RequirementError, match="free, and the installed system takes 3072 TiB"):
        guard.check_target(image_plan(path=str(tmp_path / "x.img"), packs=(huge,)), _TINY, Recorder())


@pytest.mark.parametrize("how", ["flock", "lockf", "OFD, shared, as QEMU does"])
def test_an_image_that_another_program_holds_is_refused(tmp_path: Path, how: str) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(b"\0" * 4096)
    lock = {
        "flock": "fcntl.flock(f, fcntl.LOCK_EX)",
        "lockf": "fcntl.lockf(f, fcntl.LOCK_EX)",
        "OFD, shared, as QEMU does": "fcntl.fcntl(f, 37, struct.pack('hhqqi', fcntl.F_RDLCK, 0, 100, 1, 0) + bytes(4))",
    }[how]
    code = f"import fcntl, struct, sys\nf = open({str(image)!r}, 'r+b')\n{lock}\nprint('held', flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(TargetBusy) as caught:
            _check(image)
        assert caught.value.message == f"{image} is in use by another program, such as a running virtual machine"
        assert caught.value.exit_code == 3
        other.stdin.close()
    _check(image)


def test_an_image_mounted_elsewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(b"")
    monkeypatch.setattr(guard, "loops_of", lambda path, runner: ["/dev/loop77"])
    monkeypatch.setattr(guard, "_used_elsewhere", lambda node, place: True)
    with pytest.raises(TargetBusy, match=r"x\.img is in use: /dev/loop77 is mounted from it"):
        _check(image)


# ---- two runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.root
def test_a_second_run_is_kept_away_and_a_later_one_is_not(tmp_path: Path) -> None:
    target = str(tmp_path / "x.img")
    with guard.sole_run(target):
        with pytest.raises(TargetBusy) as caught, guard.sole_run(target):
            raise AssertionError("two runs at once")
        assert caught.value.message == f"another xeninstall is working on {target}"
        with guard.sole_run(str(tmp_path / "other.img")):
            pass
    with guard.sole_run(target):
        pass
