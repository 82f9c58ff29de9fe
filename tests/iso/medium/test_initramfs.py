"""The initramfs' own script, by a shell that stands in for init: what it checks, and what it says of a damaged medium."""

import subprocess
from pathlib import Path

import pytest

from iso.medium import tree
from tests.system.installer import REPOSITORY

from .small import LIVE, medium

SCRIPT = REPOSITORY / "iso/boot/initramfs/scripts/xeninstall"
# init's panic opens a shell; here it ends.
_INIT = f"""
panic() {{ exit 3; }}
. {SCRIPT}
tell() {{ printf "$@"; }}
PLACE=$1 MEDIUM=$1/medium
"""


def run(place: Path, script: str) -> tuple[int, str]:
    """Status and words of a few lines after the script was read."""
    done = subprocess.run(["sh", "-c", _INIT + script, "init", place], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout.replace("\r", "")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a whole medium is mounted."""
    medium(tmp_path)
    return tmp_path


def test_a_whole_medium_is_said_to_be(place: Path) -> None:
    status, said = run(place, "check_medium")
    assert status == 0
    count = len([line for line in (place / "medium" / tree.SUMS).read_text().splitlines() if not line.startswith("#")])
    assert f"The medium is whole: {count} files compared." in said


@pytest.mark.parametrize("name", LIVE)
def test_a_damaged_file_is_named_and_nothing_goes_on(place: Path, name: str) -> None:
    path = place / "medium/live" / name
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1] + b"?")
    status, said = run(place, "check_medium; echo went on")
    assert status == 3
    assert f"xeninstall: the medium is damaged: live/{name} is not what was written\n  -> write the medium again" in said
    assert "went on" not in said


def test_a_missing_file_is_named(place: Path) -> None:
    (place / "medium/live/live.squashfs").unlink()
    status, said = run(place, "check_medium")
    assert (status, "the medium is not whole: live/live.squashfs is missing" in said) == (3, True)


def test_a_medium_without_its_list_is_refused(place: Path) -> None:
    (place / "medium" / tree.SUMS).unlink()
    status, said = run(place, "check_medium 2>/dev/null")
    assert (status, "the medium has no list of its files (SHA256SUMS)" in said) == (3, True)


def test_a_big_file_shows_how_far_it_is(place: Path) -> None:
    big = place / "medium/big"
    with big.open("wb") as stream:
        stream.truncate(16 * 2**20)
    status, said = run(place, "check_file " + "0" * 64 + " big")
    assert status == 3
    assert "Checking big: " in said and " % " in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("quiet xeninstall.medium=0123 xeninstall.verify ro", "<0123> <y>"),
        ("xeninstall.medium=http://h/x/boot.ipxe quiet", "<http://h/x/boot.ipxe> <>"),
        ("quiet xeninstall.mode=install", "<> <>"),
    ],
)
def test_its_words_are_taken_from_the_command_line(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "cmdline").write_text(line + "\n")
    assert run(tmp_path, 'read_words "$PLACE/cmdline"; echo "<$medium> <$verify>"') == (0, words + "\n")


def test_an_ipxe_that_does_not_know_where_its_script_lies_is_helped(tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_text("xeninstall.medium= quiet\n")
    status, said = run(tmp_path, 'read_words "$PLACE/cmdline"')
    assert (status, "xeninstall.medium is empty" in said, "set base http://server/path" in said) == (3, True, True)


def test_an_address_that_cannot_be_fetched_is_refused(place: Path) -> None:
    status, said = run(place, "modprobe() { :; }; read_words() { medium=nfs://server/x verify=; }; mountroot")
    assert (status, "xeninstall.medium=nfs://server/x is no address that this medium can fetch" in said) == (3, True)
