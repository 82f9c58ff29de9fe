"""Package sets: their closure as apt names it, and a build that fails when one would not install offline."""

from pathlib import Path

import pytest

from iso.builder import BuildError
from iso.lists import Package, PackageList, Section
from iso.pool import POOL, closure, fill, read_sets
from xeninstall.base.run import Completed

from .fake import Recorder, build_in, done

URIS = """Reading package lists...
'http://mirror.example/pool/l/lsscsi/lsscsi_0.32-2_amd64.deb' lsscsi_0.32-2_amd64.deb 48064 SHA256:00
'http://mirror.example/pool/q/qemu/qemu-utils_10.0_amd64.deb' qemu-utils_1%3a10.0_amd64.deb 2024216 SHA256:00
"""
DEBS = ("lsscsi_0.32-2_amd64.deb", "qemu-utils_1%3a10.0_amd64.deb")
SETS = PackageList(
    Section("base", "Base", ()), (Section("storage", "Shared storage", (Package("lsscsi", "why", "Shared storage"),)),)
)


def apt(argv: tuple[str, ...], *, brings: tuple[str, ...] = DEBS, offline: int = 0) -> Completed:
    """Apt and dpkg-deb as the pool uses them, with the directories that were handed in."""
    words = argv[argv.index("enter") + 3 : argv.index("--", argv.index("enter"))]
    binds = {name: Path(path) for path, name in zip(words[::2], words[1::2], strict=True)}
    if "--print-uris" in argv:
        return done(argv, stdout=URIS)
    if "--download-only" in argv:
        for name in brings:
            (binds["pool"] / name).write_bytes(b"deb")
    elif "-s" in argv:
        return done(argv, status=offline, stderr="E: Unable to correct problems" if offline else "")
    elif "set" in binds:
        (binds["set"] / "file").write_bytes(b"x" * 5000)
    return done(argv)


def test_the_closure_is_read_from_apts_list_of_files() -> None:
    assert closure(URIS) == DEBS


def test_a_set_is_downloaded_proved_measured_and_described(tmp_path: Path) -> None:
    build = build_in(tmp_path, Recorder(apt), SETS)
    build.work.mkdir()
    fill(build)
    found = read_sets(build.base)["storage"]
    assert (found.title, found.packages, found.debs) == ("Shared storage", ("lsscsi",), DEBS)
    assert found.unpacked_bytes == 4096 + 2 * 4096
    assert {path.name for path in (build.base / POOL.lstrip("/")).iterdir()} == {*DEBS, "sets.json"}


def test_every_file_of_a_set_is_tried_together_without_sources(tmp_path: Path) -> None:
    runner = Recorder(apt)
    build = build_in(tmp_path, runner, SETS)
    build.work.mkdir()
    fill(build)
    tried = next(argv for argv in runner.commands if "-s" in argv)
    assert tried[-2:] == tuple(f"/run/pool/{name}" for name in DEBS)
    assert "Dir::Etc::SourceList=/dev/null" in tried


def test_a_set_that_does_not_install_offline_fails_the_build_by_name(tmp_path: Path) -> None:
    build = build_in(tmp_path, Recorder(lambda argv: apt(argv, offline=100)), SETS)
    build.work.mkdir()
    with pytest.raises(BuildError, match=r"^package set storage: .*Unable to correct problems"):
        fill(build)


def test_a_file_that_apt_did_not_bring_fails_the_build_by_name(tmp_path: Path) -> None:
    build = build_in(tmp_path, Recorder(lambda argv: apt(argv, brings=DEBS[:1])), SETS)
    build.work.mkdir()
    with pytest.raises(BuildError, match="package set storage: apt did not download qemu-utils"):
        fill(build)
