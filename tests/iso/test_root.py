"""Debian's part: what mmdebstrap is asked for, and what its failures are called."""

from pathlib import Path

import pytest

from iso.builder import BuildError
from iso.lists import read_packages
from iso.root import bootstrap, explain, mmdebstrap
from xeninstall.base.run import CommandError, Completed

from .fake import Recorder, build_in, done

ISO = Path(__file__).parents[2] / "iso"


def test_mmdebstrap_is_asked_for_exactly_what_packages_txt_lists(tmp_path: Path) -> None:
    packages = read_packages(ISO / "packages.txt")
    build = build_in(tmp_path, packages=packages)
    (build.source / "iso/left_out.txt").write_text("- /usr/share/doc/*  # weight\n")
    argv = mmdebstrap(build, build.base, build.output / "log")
    include = next(word for word in argv if word.startswith("--include="))
    assert include.removeprefix("--include=").split(",") == [package.name for package in packages.base.packages]
    assert "--dpkgopt=path-exclude=/usr/share/doc/*" in argv


def test_no_mirror_is_named(tmp_path: Path) -> None:
    build = build_in(tmp_path)
    (build.source / "iso/left_out.txt").write_text("")
    argv = mmdebstrap(build, build.base, build.output / "log")
    assert argv[-2:] == ["trixie", str(build.base)]
    assert not any("://" in word or word.startswith("deb ") for word in argv)


@pytest.mark.parametrize(
    ("log", "message", "hint"),
    [
        ("E: Failed to fetch x  Temporary failure resolving 'mirror.example.org'", "could not be downloaded", "network"),
        ("Err:1 x Could not connect to apt.example.org:80 (1.2.3.4), connection timed out", "could not be downloaded", "proxy"),
        (
            "W: Failed to fetch http://x/InRelease  Temporary failure resolving 'x'\nE: Some index files failed to download.",
            "Temporary failure resolving 'x'",
            "network",
        ),
        ("dpkg: error processing archive: cannot copy: No space left on device", "no space left in", "free 4 GiB"),
        ("E: Unable to locate package nonsense", "Unable to locate package nonsense", "mmdebstrap.log"),
    ],
)
def test_a_failed_bootstrap_says_why_and_what_to_do(tmp_path: Path, log: str, message: str, hint: str) -> None:
    error = explain(CommandError(["mmdebstrap"], 25, "E: mmdebstrap failed"), log, tmp_path)
    assert message in error.message
    assert hint in error.hint


def test_the_log_is_read_for_the_reason(tmp_path: Path) -> None:
    def fail(argv: tuple[str, ...]) -> Completed:
        log = next(word for word in argv if word.startswith("--logfile=")).removeprefix("--logfile=")
        Path(log).write_text("I: downloading\nE: Unable to locate package frobnicator\n")
        return done(argv, status=25, stderr="E: mmdebstrap failed to run")

    build = build_in(tmp_path, Recorder(fail))
    (build.source / "iso/left_out.txt").write_text("")
    with pytest.raises(BuildError, match=r"Debian could not be installed .*Unable to locate package frobnicator"):
        bootstrap(build)
