"""Archives: each compression is read, and each way to do harm with one is refused by name, leaving nothing behind."""

import gzip
import lzma
import os
import random
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest

from xeninstall.packs.archive import read_archive
from xeninstall.packs.errors import PackError
from xeninstall.packs.tree import Limits, Tree

from .given import FILES, RUNNER, folder, member, module, pack_in, refusal, tar_of

SMALL = Limits(bytes=100_000, files=20)
AGAIN = "do not use this pack; get it from its maker again"
LOOK = "a pack is smaller; look at what this is"
CUT = "it is damaged or was cut off; copy or download it again"


def packed(tmp_path: Path, how: str) -> Path:
    """The pack as an archive, by the system's own tar, in its usual ways."""
    source, out = folder(tmp_path / "source"), tmp_path / "pack.bin"
    subprocess.run(["tar", "-C", source, "-cf", tmp_path / "plain.tar", "."], check=True)
    data = (tmp_path / "plain.tar").read_bytes()
    match how:
        case "gzip":
            out.write_bytes(gzip.compress(data))
        case "xz":
            out.write_bytes(lzma.compress(data))
        case "zstd":
            subprocess.run(["zstd", "-q", "-o", out, tmp_path / "plain.tar"], check=True)
        case _:
            out.write_bytes(data)
    return out


@pytest.mark.parametrize("how", ["plain", "gzip", "xz", "zstd"])
def test_an_archive_is_known_by_its_content(tmp_path: Path, how: str) -> None:
    assert set(pack_in(packed(tmp_path, how), tmp_path / "place").manifest.files) == set(FILES)


@pytest.mark.parametrize("how", ["plain", "gzip", "xz", "zstd"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_one_that_was_cut_off_is_refused(tmp_path: Path, how: str, part: float) -> None:
    whole = packed(tmp_path, how)
    data = whole.read_bytes()
    # Behind the last file only padding follows, and without that the archive is whole.
    length = int(len(data.rstrip(b"\0") if how == "plain" else data) * part)
    whole.write_bytes(data[:length])
    said = refusal(whole, tmp_path / "place")
    assert said.endswith(CUT) or "is missing from the pack" in said or "this is no pack" in said, said


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (member("../evil"), f"../evil leads out of the pack -> {AGAIN}"),
        (member("modules/../../evil"), f"modules/../../evil leads out of the pack -> {AGAIN}"),
        (member("/etc/cron.d/evil"), f"/etc/cron.d/evil is an absolute path -> {AGAIN}"),
        (member("modules/a\nb.ko"), f"modules/a\\nb.ko has a control character in its name -> {AGAIN}"),
        (member("modules", tarfile.SYMTYPE, to="/etc"), f"modules is a link; a pack holds plain files only -> {AGAIN}"),
        (member("firmware/x", tarfile.SYMTYPE, to="y"), f"firmware/x is a link; a pack holds plain files only -> {AGAIN}"),
        (
            member("firmware/x", tarfile.LNKTYPE, to="pack.toml"),
            f"firmware/x is a link; a pack holds plain files only -> {AGAIN}",
        ),
        (member("modules/sda", tarfile.BLKTYPE), f"modules/sda is a block device; a pack holds plain files only -> {AGAIN}"),
        (member("modules/mem", tarfile.CHRTYPE), f"modules/mem is a character device; a pack holds plain files only -> {AGAIN}"),
        (member("modules/p", tarfile.FIFOTYPE), f"modules/p is a pipe; a pack holds plain files only -> {AGAIN}"),
        (member("debs/sh.deb", mode=0o4755), f"debs/sh.deb would run with somebody else's rights (set-ID) -> {AGAIN}"),
        (member("debs/sh.deb", mode=0o2755), f"debs/sh.deb would run with somebody else's rights (set-ID) -> {AGAIN}"),
        (member("pack.toml"), "pack.toml is in the pack twice -> get the pack from its maker again"),
        (member("pack.toml/x"), "pack.toml/x is in the pack twice -> get the pack from its maker again"),
        (member("firmware/v", b"V"), "firmware/v is of a kind that no pack holds -> do not use this pack"),
    ],
)
def test_hostile_members_are_refused_by_name(tmp_path: Path, info: tarfile.TarInfo, said: str) -> None:
    archive = tar_of(tmp_path / "evil.tar", (member("pack.toml"), b"x"), (info, b""))
    assert refusal(archive, tmp_path / "place") == said
    assert not (tmp_path / "evil").exists() and not (tmp_path.parent / "evil").exists()


def test_a_link_and_then_a_file_through_it_writes_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = member("modules", tarfile.SYMTYPE, to=str(outside))
    archive = tar_of(tmp_path / "evil.tar", (link, b""), (member("modules/x.ko"), module()))
    assert refusal(archive, tmp_path / "place").startswith("modules is a link")
    assert not list(outside.iterdir())


@pytest.mark.parametrize("how", ["gzip", "xz", "zstd"])
def test_a_bomb_ends_at_the_limit(tmp_path: Path, how: str) -> None:
    archive = tar_of(tmp_path / "bomb.tar", (member("firmware/zeros"), bytes(8_000_000)))
    out = tmp_path / "bomb"
    if how == "zstd":
        subprocess.run(["zstd", "-q", "-o", out, archive], check=True)
    else:
        out.write_bytes((gzip if how == "gzip" else lzma).compress(archive.read_bytes()))
    assert out.stat().st_size < 50_000
    said = refusal(out, tmp_path / "place", SMALL)
    assert said in (
        f"firmware/zeros is larger than a pack may be -> {LOOK}",
        f"the pack is larger than 97.7 KiB unpacked -> {LOOK}",
    )


def test_many_files_within_the_limit_add_up_to_more_than_it(tmp_path: Path) -> None:
    members = [(member(f"firmware/{number}"), bytes(9000)) for number in range(19)]
    said = refusal(tar_of(tmp_path / "many.tar", *members), tmp_path / "place", SMALL)
    assert said.endswith(LOOK)


def test_more_files_than_a_pack_has_are_refused(tmp_path: Path) -> None:
    members = [(member(f"firmware/{number}"), b"") for number in range(30)]
    said = refusal(tar_of(tmp_path / "many.tar", *members), tmp_path / "place", SMALL)
    assert said == f"the pack holds more than 20 files -> {LOOK}"


def test_directories_count_as_files_do(tmp_path: Path) -> None:
    members = [(member(f"firmware/{number}", tarfile.DIRTYPE), b"") for number in range(30)]
    assert "more than 20 files" in refusal(tar_of(tmp_path / "many.tar", *members), tmp_path / "place", SMALL)


def test_a_name_of_megabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "long.tar", (member("firmware/" + "n" * 3_000_000), b""))
    assert "a name longer than any file system takes" in refusal(archive, tmp_path / "place")


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "firmware").mkdir()
    with (tmp_path / "firmware/holes").open("wb") as file:
        file.truncate(10_000_000)
    subprocess.run(["tar", "-C", tmp_path, "--sparse", "--format=gnu", "-cf", tmp_path / "sparse.tar", "firmware"], check=True)
    assert refusal(tmp_path / "sparse.tar", tmp_path / "place", SMALL).endswith(LOOK)


def test_modes_of_the_archive_are_not_taken_over(tmp_path: Path) -> None:
    from xeninstall.packs.read import read

    from .given import RUNNER, silent

    archive = tar_of(tmp_path / "a.tar", (member("firmware/x", mode=0o777), b"x"))
    with read(str(archive), RUNNER, silent, tmp_path) as tree:
        assert os.stat(tree / "firmware/x").st_mode & 0o777 == 0o644


def test_an_xz_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    plain = tar_of(tmp_path / "a.tar", (member("firmware/x"), b"x"))
    data = bytearray(lzma.compress(plain.read_bytes()))
    # The block header's one filter is LZMA2, whose property is the dictionary's size: 40 is 4 GiB (the .xz format, 5.3.1).
    assert data[14:16] == b"\x21\x01"
    data[16] = 40
    end = 12 + (data[12] + 1) * 4
    data[end - 4 : end] = zlib.crc32(data[12 : end - 4]).to_bytes(4, "little")
    (tmp_path / "a.tar.xz").write_bytes(data)
    said = refusal(tmp_path / "a.tar.xz", tmp_path / "place")
    assert said == f"the archive cannot be read to its end: Memory usage limit exceeded -> {CUT}"


def test_archives_with_flipped_bytes_are_read_or_refused(tmp_path: Path) -> None:
    """Headers of every kind: long names, links, sparse files, pax records."""
    members = [
        (member("firmware/" + "n" * 150), b"long"),
        (member("firmware/\u00fc"), b"pax"),
        (member("debs/x.deb"), b"x" * 600),
    ]
    tar_of(tmp_path / "a.tar", *members)
    (tmp_path / "holes").touch()
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(100_000)
    for version in ("1.0", "0.1", "0.0"):
        how = ["--sparse", f"--sparse-version={version}", "--format=posix"]
        subprocess.run(["tar", "-C", tmp_path, *how, "-rf", tmp_path / "a.tar", "holes"], check=True)
    whole = (tmp_path / "a.tar").read_bytes()
    dice = random.Random(20261123)
    for number in range(300):
        data = bytearray(whole)
        for _ in range(3):
            data[dice.randrange(len(data))] = dice.choice(b"0179 =-\0\xffxgLKS")
        path = tmp_path / "flipped.tar"
        path.write_bytes(data)
        tree = tmp_path / str(number)
        tree.mkdir()
        try:
            read_archive(path, Tree(tree, SMALL), tmp_path, SMALL, RUNNER)
        except PackError as error:
            assert error.message and error.hint
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]
