"""The difference between the host's tree and the medium's: what packages added or changed, and nothing that they removed."""

import os
import shutil
from pathlib import Path

import pytest

from iso.builder import BuildError, every_path
from iso.lists import read_packages
from iso.medium.parts import HERE, take_difference
from tests.system.installer import REPOSITORY


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A host's tree and a true copy of it."""
    base = tmp_path / "base"
    for name, text in {"etc/passwd": "root\n", "usr/bin/tool": "old", "usr/share/doc": "text", "boot/initrd": "host's"}.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text)
    (base / "usr/bin/link").symlink_to("tool")
    shutil.copytree(base, tmp_path / "tree", symlinks=True)
    return base, tmp_path / "tree"


def taken(trees: tuple[Path, Path], tmp_path: Path) -> list[str]:
    """What the layer holds."""
    take_difference(*trees, tmp_path / "layer")
    return [str(path.relative_to(tmp_path / "layer")) for path in every_path(tmp_path / "layer")[1:]]


def test_equal_trees_differ_in_nothing(trees: tuple[Path, Path], tmp_path: Path) -> None:
    assert taken(trees, tmp_path) == []


def test_new_and_changed_files_come_with_their_folders_permissions(trees: tuple[Path, Path], tmp_path: Path) -> None:
    _, tree = trees
    (tree / "etc/passwd").write_text("root\nstatd\n")
    (tree / "usr/lib/new").mkdir(parents=True)
    (tree / "usr/lib/new/file").write_text("new")
    (tree / "usr/lib/new").chmod(0o700)
    (tree / "usr/bin/link").unlink()
    (tree / "usr/bin/link").symlink_to("other")
    (tree / "usr/bin/tool").chmod(0o4755)
    assert taken(trees, tmp_path) == [
        *("etc", "etc/passwd", "usr", "usr/bin", "usr/bin/link", "usr/bin/tool", "usr/lib", "usr/lib/new", "usr/lib/new/file")
    ]
    layer = tmp_path / "layer"
    assert (layer / "usr/lib/new").stat().st_mode & 0o7777 == 0o700
    assert (layer / "usr/bin/tool").stat().st_mode & 0o7777 == 0o4755
    assert (layer / "usr/bin/link").readlink() == Path("other")


def test_a_change_of_the_same_length_is_seen_and_a_new_date_is_none(trees: tuple[Path, Path], tmp_path: Path) -> None:
    _, tree = trees
    (tree / "usr/bin/tool").write_text("new")
    os.utime(tree / "usr/bin/tool", (1, 1))
    os.utime(tree / "etc/passwd", (1, 1))
    assert taken(trees, tmp_path) == ["usr", "usr/bin", "usr/bin/tool"]


def test_the_host_s_boot_files_and_the_installation_s_traces_stay_out(trees: tuple[Path, Path], tmp_path: Path) -> None:
    _, tree = trees
    for name in ("boot/initrd", "var/log/dpkg.log", "var/cache/apt/x.bin", "var/lib/dpkg/status-old"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("made by apt")
    assert [name for name in taken(trees, tmp_path) if (tmp_path / "layer" / name).is_file()] == []


def test_a_package_that_removes_something_of_the_host_stops_the_build(trees: tuple[Path, Path], tmp_path: Path) -> None:
    (trees[1] / "usr/bin/tool").unlink()
    with pytest.raises(BuildError, match=r"^the medium's packages removed usr/bin/tool of the host's$"):
        take_difference(*trees, tmp_path / "layer")


def test_the_medium_has_what_p2v_calls() -> None:
    names = read_packages(REPOSITORY / HERE / "packages.txt").base.names
    assert {"partclone", "ntfs-3g", "xfsprogs", "qemu-utils"} <= set(names)
    # The host takes machines that are sent to it, with the same digests and on the same wire.
    assert {"python3-xxhash", "python3-zstandard"} <= set(read_packages(REPOSITORY / "iso/packages.txt").base.names)
