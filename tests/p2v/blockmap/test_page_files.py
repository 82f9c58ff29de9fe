"""--drop page-files: their content stays behind, everything else comes over, and what is not certain is kept."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.check import assert_whole
from tests.p2v.disks import FILES, MIB, filesystem, patch, run, sha, unmount

pytestmark = pytest.mark.root  # FUSE

NOISE = random.Random(21).randbytes(6 * MIB)


def swap_file(path: Path) -> Path:
    """Swap space with pages in it."""
    path.write_bytes(bytes(6 * MIB))
    run("mkswap", path)
    with path.open("r+b") as file:
        file.seek(65536)
        file.write(NOISE[65536:])
    return path


def with_file(folder: Path, kind: str, name: str, content: Path) -> Path:
    """A file system of FILES with one more."""
    part = filesystem(folder, kind)
    match kind:
        case "ext4":
            run("debugfs", "-w", "-R", f"write {content} {name}", part)
        case "ntfs":
            run("ntfscp", "-f", part, content, name)
        case "xfs" | "btrfs":
            place = folder / "mounted"
            place.mkdir()
            if subprocess.run(["mount", "-o", "loop", part, place], capture_output=True).returncode:
                pytest.skip(f"the kernel cannot mount {kind}")
            try:
                if kind == "btrfs":  # as btrfs itself demands of a swap file
                    (place / name).touch()
                    run("chattr", "+C", place / name)
                shutil.copy(content, place / name)
            finally:
                unmount(place)
    return part


def image_of(part: Path, *options: str) -> Path:
    image = part.with_suffix(".image")
    assert main(["convert", str(part), "--to", str(image), "--format", "raw", *options]) == 0
    return image


@pytest.mark.parametrize(
    ("kind", "name"), [("ext4", "swapfile"), ("ntfs", "pagefile.sys"), ("xfs", "swap.img"), ("btrfs", "swapfile")]
)
def test_its_content_stays_behind(tmp_path: Path, kind: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    part = with_file(tmp_path, kind, name, swap_file(tmp_path / "swap"))
    before = sha(part)
    spot = part.read_bytes().index(NOISE[3 * MIB : 3 * MIB + 512])
    kept = image_of(part)
    assert kept.read_bytes()[spot : spot + 512] == NOISE[3 * MIB : 3 * MIB + 512]
    kept.unlink()
    kept.with_name(kept.name + ".p2v").unlink()
    image = image_of(part, "--drop", "page-files")
    assert f"of /{name} are left out" in capsys.readouterr().err
    assert image.read_bytes()[spot : spot + 512] == bytes(512)
    assert_whole(kind, image)
    if kind == "ext4":
        run("debugfs", "-R", f"dump /{name} {tmp_path / 'back'}", image)
        assert (tmp_path / "back").stat().st_size == 6 * MIB
        run("swaplabel", tmp_path / "back")
    assert sha(part) == before


def test_what_fstab_names_is_found_and_what_only_looks_like_one_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swap = swap_file(tmp_path / "swap")
    part = filesystem(tmp_path, "ext4", 40)
    (tmp_path / "fstab").write_text("/dev/sda1 / ext4 defaults 0 1\n/data/pages none swap sw 0 0\n/etc;x none swap sw 0 0\n")
    (tmp_path / "plain").write_bytes(NOISE)
    patch(tmp_path / "plain", 4086, b"not swap")
    for request in ("mkdir /etc", f"write {tmp_path / 'fstab'} /etc/fstab", "mkdir /data"):
        run("debugfs", "-w", "-R", request, part)
    run("debugfs", "-w", "-f", "-", part, stdin=f"cd /data\nwrite {swap} pages\ncd /\nwrite {tmp_path / 'plain'} swapfile\n")
    image = image_of(part, "--drop", "page-files")
    said = capsys.readouterr().err
    assert "/data/pages are left out" in said and "/swapfile" not in said
    run("debugfs", "-R", f"dump /swapfile {tmp_path / 'back'}", image)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "plain").read_bytes()
    run("debugfs", "-R", f"dump /big.bin {tmp_path / 'big'}", image)
    assert (tmp_path / "big").read_bytes() == FILES["big.bin"]


def test_a_system_that_sleeps_in_it_keeps_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swap = swap_file(tmp_path / "swap")
    patch(swap, 4086, b"S1SUSPEND\0")
    image = image_of(with_file(tmp_path, "ext4", "swapfile", swap), "--drop", "page-files")
    assert "left out" not in capsys.readouterr().err
    run("debugfs", "-R", f"dump /swapfile {tmp_path / 'back'}", image)
    assert (tmp_path / "back").read_bytes() == swap.read_bytes()


def test_a_swap_file_with_checksums_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    swap_file(tree / "swapfile")
    part = tmp_path / "part"
    part.write_bytes(bytes(128 * MIB))
    run("mkfs.btrfs", "-q", "-f", "--rootdir", tree, part)
    image = image_of(part, "--drop", "page-files")
    assert "left out" not in capsys.readouterr().err
    run("btrfs", "check", "--check-data-csum", image)


def test_everything_and_drop_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(MIB))
    argv = ["convert", str(tmp_path / "disk"), "--to", str(tmp_path / "x"), "--everything", "--drop", "page-files"]
    assert main(argv) == 2
