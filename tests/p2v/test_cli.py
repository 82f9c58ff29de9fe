"""The command line: what it prints, what it refuses, its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from p2v.blockmap.extents import normal, subtract
from p2v.cli import main
from p2v.journal import journal_of, read_journal
from p2v.types import Extent
from tests.p2v.disks import MIB, filesystem, make_disk, run, sha

TIB = 1 << 40


def sparse(path: Path, size_bytes: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "old.img"
    path.write_bytes(os.urandom(3 * MIB))
    return path


@pytest.mark.root
def test_inspect_tells_what_is_there_and_what_is_copied_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_disk(tmp_path, "gpt", ["ext4", "luks", "swap"])
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert f"{path}: 53 MiB, GPT; " in text
    assert 'ext4 "root"' in text and "copied whole: it is encrypted" in text
    assert main(["inspect", "--json", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)["disks"][0]
    assert [volume["kind"] for volume in told["volumes"]] == ["ext", "luks", "swap"]
    assert told["copied_bytes"] < told["size_bytes"]
    assert max(len(line) for line in text.replace(str(path), "").splitlines()) <= 100


@pytest.mark.root
def test_map_is_a_map_that_ddrescue_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = filesystem(tmp_path, "ext4")
    assert main(["map", str(part)]) == 0
    text = capsys.readouterr().out
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")][1:]
    assert {status for _, _, status in lines} == {"+", "?"}
    place = 0
    for start, length, _ in lines:
        assert int(start, 16) == place
        place += int(length, 16)
    assert place == part.stat().st_size
    assert main(["map", "--json", str(part)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["used_bytes"] == sum(run["length"] for run in told["used"])
    # Pages that the first run left in the cache no longer count as a hole.
    runs = normal(Extent(int(start, 16), int(length, 16)) for start, length, status in lines if status == "+")
    assert subtract(runs, tuple(Extent(run["start"], run["length"]) for run in told["used"])) == ()


def test_an_image_goes_down_a_pipe_as_into_a_file(tmp_path: Path, disk: Path) -> None:
    command = [sys.executable, "-m", "p2v", "convert", str(disk), "--format", "raw", "--to", "-", "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == disk.read_bytes()
    assert json.loads(done.stderr.splitlines()[-1])["event"] == "Finished"


def test_several_disks_go_into_a_folder_at_once(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "sub"
    other.mkdir()
    (other / "old.img").write_bytes(os.urandom(MIB))
    out = tmp_path / "out"
    out.mkdir()
    assert main(["convert", str(disk), str(other / "old.img"), "--to", str(out), "--format", "raw"]) == 0
    assert (out / "old-1.img").read_bytes() == disk.read_bytes()
    assert (out / "old-2.img").read_bytes() == (other / "old.img").read_bytes()
    assert main(["verify", str(out / "old-1.img")]) == 0
    assert "3 MiB in 3 chunks are right" in capsys.readouterr().out


def test_two_disks_in_one_xva(tmp_path: Path, disk: Path) -> None:
    from tests.p2v.image.xva_reader import read_xva

    other = tmp_path / "two.img"
    other.write_bytes(os.urandom(2 * MIB))
    assert main(["convert", str(disk), str(other), "--to", str(tmp_path / "vm.xva"), "--format", "xva", "--name", "büro"]) == 0
    records, disks = read_xva(tmp_path / "vm.xva")
    assert records["Ref:0000"][1]["name_label"] == "büro"
    assert [data.rstrip(b"\0") for _, data in sorted(disks.items())] == [
        path.read_bytes().rstrip(b"\0") for path in (disk, other)
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{disk}", "--to", "{tmp}/none/x"], 2, "the folder {tmp}/none does not exist"),
        (["{tmp}/none.img", "--to", "{tmp}/x"], 2, "{tmp}/none.img does not exist"),
        (["{disk}", "{disk}", "--to", "{tmp}/x"], 2, "a disk was named twice"),
        (["{disk}", "--to", "{disk}", "--format", "raw"], 2, "{disk} exists already"),
        (["{disk}", "--to", "{tmp}/x", "--limit", "fast"], 2, "'fast' is not a size"),
        (["{disk}", "--to", "{tmp}/x", "--format", "vhd", "--compress"], 2, "vhd is not compressed"),
        (["{disk}", "--to", "-", "--format", "qcow2", "--compress"], 2, "compressed qcow2 is not written as a stream"),
        (["{disk}", "--to", "-", "--format", "vdi"], 2, "vdi is not written as a stream"),
        (["{disk}", "--to", "-", "--resume"], 2, "what went into a pipe cannot be resumed"),
        (["{disk}", "{tmp}/huge.img", "--to", "{tmp}/x"], 2, "2 disks do not go into one qcow2 file"),
        (["{tmp}/huge.img", "--to", "{tmp}/x.vhd", "--format", "vhd"], 3, "VHD holds at most 2040 GiB, and huge has 3072 GiB"),
        (["{disk}", "--to", "{tmp}/x", "--trial"], 2, "--trial is for a target, and {tmp}/x is a file or folder here"),
        (["{disk}", "--to", "{tmp}/x", "--host-key", "SHA256:x"], 2, "--host-key is for a target, and {tmp}/x is a file"),
        (["{disk}", "--to", "{tmp}/x", "--mode", "pv"], 2, "--mode says how Xen runs the machine, which is not defined here"),
        (["{tmp}/full.img", "--to", "{tmp}/x", "--everything"], 3, "left, and {tmp}/x needs"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    tmp_path: Path,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shutil
    from collections import namedtuple

    sparse(tmp_path / "huge.img", 3 * TIB)
    (tmp_path / "full.img").write_bytes(os.urandom(MIB))
    if "full.img" in arguments[0]:
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 100_000))
    before = sorted(tmp_path.iterdir())
    filled = [argument.format(disk=disk, tmp=tmp_path) for argument in arguments]
    assert main(["convert", *filled]) == code
    said = capsys.readouterr().err
    assert message.format(disk=disk, tmp=tmp_path) in said
    assert "  -> " in said
    assert sorted(tmp_path.iterdir()) == before


def test_a_sparse_disk_of_three_tebibytes_becomes_a_small_qcow2(tmp_path: Path) -> None:
    path = sparse(tmp_path / "huge.img", 3 * TIB)
    with path.open("r+b") as file:
        file.seek(2 * TIB)
        file.write(os.urandom(MIB))
    image = tmp_path / "huge.qcow2"
    assert main(["convert", str(path), "--to", str(image)]) == 0
    assert image.stat().st_size < 4 * MIB
    assert "No errors were found" in run("qemu-img", "check", image)
    assert json.loads(run("qemu-img", "info", "--output=json", image))["virtual-size"] == 3 * TIB
    told = json.loads(run("qemu-img", "map", "--output=json", image))
    assert [(part["start"], part["length"]) for part in told if part["data"]] == [(2 * TIB, MIB)]


@pytest.mark.parametrize("form", ["vdi", "vhdx"])
def test_what_qemu_img_makes_is_made_also_after_a_stop_between(tmp_path: Path, disk: Path, form: str) -> None:
    image = tmp_path / "x.img"
    assert main(["convert", str(disk), "--to", str(image), "--format", form]) == 0
    image.rename(tmp_path / "made")
    (tmp_path / "x.img.raw").write_bytes(disk.read_bytes())
    assert main(["convert", str(disk), "--to", str(image), "--format", form, "--resume"]) == 0
    assert "identical" in run("qemu-img", "compare", "-f", form, "-F", form, tmp_path / "made", image)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "old.img", "x.img", "x.img.p2v"]


def test_a_run_that_is_stopped_says_so_and_goes_on(tmp_path: Path, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "x.img"
    command = [sys.executable, "-m", "p2v", "convert", str(disk), "--to", str(image), "--format", "raw"]
    process = subprocess.Popen([*command, "--limit", "1M"], stderr=subprocess.PIPE)
    while not journal_of(image).exists():
        assert process.poll() is None
    process.terminate()
    assert process.wait() == 4
    assert process.stderr is not None and b"--resume" in process.stderr.read()
    assert main(["verify", str(image)]) == 1
    assert "is not complete" in capsys.readouterr().err
    assert main(["convert", str(disk), "--to", str(image), "--format", "raw"]) == 2
    assert main(["convert", str(disk), "--to", str(image), "--format", "qcow2", "--resume"]) == 1
    assert "begun with other options" in capsys.readouterr().err
    data = disk.read_bytes()
    disk.write_bytes(b"changed" + data[7:])
    assert main(["convert", str(disk), "--to", str(image), "--format", "raw", "--resume"]) == 1
    assert "has changed since" in capsys.readouterr().err
    disk.write_bytes(data)
    assert main(["convert", str(disk), "--to", str(image), "--format", "raw", "--resume"]) == 0
    assert sha(image) == sha(disk)
    assert read_journal(journal_of(image)).complete


def test_of_several_images_the_complete_ones_are_left_as_they_are(tmp_path: Path, disk: Path) -> None:
    other = tmp_path / "two.img"
    other.write_bytes(os.urandom(MIB))
    out = tmp_path / "out"
    out.mkdir()
    assert main(["convert", str(disk), "--to", str(out), "--format", "raw"]) == 0
    made = (out / "old.img").stat()
    for _ in range(2):
        assert main(["convert", str(disk), str(other), "--to", str(out), "--format", "raw", "--resume"]) == 0
        assert (out / "two.img").read_bytes() == other.read_bytes()
        assert (out / "old.img").stat().st_mtime_ns == made.st_mtime_ns
    (out / "two.img").unlink()
    assert main(["convert", str(other), "--to", str(out), "--format", "raw", "--resume"]) == 1


@pytest.mark.parametrize("argv", [[], ["convert"], ["convert", "x"], ["restore", "x"], ["nonsense"]])
def test_bad_usage_is_two(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(argv)
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    capsys.readouterr()
