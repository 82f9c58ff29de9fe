"""What the installer plans with is counted the same on every file system."""

import os
from pathlib import Path

from iso.measure import inodes, sha256, unpacked_bytes


def test_files_count_in_blocks_directories_as_one_and_short_links_as_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x" * 4097)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "short").symlink_to("a")
    (tmp_path / "long").symlink_to("x" * 60)
    assert unpacked_bytes(tmp_path) == 4096 * (1 + 1 + 2 + 0 + 0 + 1)


def test_hard_links_count_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    os.link(tmp_path / "a", tmp_path / "b")
    assert unpacked_bytes(tmp_path) == 4096 * 2
    assert inodes(tmp_path) == 2


def test_inodes_count_the_root_directories_links_and_pipes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "folder" / "pipe")
    assert inodes(tmp_path) == 4


def test_a_digest_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
