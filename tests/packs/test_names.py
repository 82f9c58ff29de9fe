"""Hostile names are refused word by word, and what is printed of them cannot move a cursor."""

import stat

import pytest

from xeninstall.packs.errors import PackError
from xeninstall.packs.names import check_kind, is_content, normal, shown

AGAIN = "do not use this pack; get it from its maker again"


@pytest.mark.parametrize(
    ("name", "path"),
    [("./modules/a.ko", "modules/a.ko"), ("modules//a.ko", "modules/a.ko"), ("./", ""), ("debs/", "debs"), ("a/./b", "a/b")],
)
def test_plain_names_lose_what_means_nothing(name: str, path: str) -> None:
    assert normal(name) == path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "/etc/passwd is an absolute path"),
        ("../etc/passwd", "../etc/passwd leads out of the pack"),
        ("modules/../../x", "modules/../../x leads out of the pack"),
        ("modules/\x1b[2Jx.ko", "modules/\\x1b[2Jx.ko has a control character in its name"),
        ("modules/a\nb", "modules/a\\nb has a control character in its name"),
        ("modules/\x00", "modules/\\x00 has a control character in its name"),
        ("modules/\udcff", "modules/\\udcff has a control character in its name"),
    ],
)
def test_names_that_lead_out_or_hide_are_refused(name: str, said: str) -> None:
    with pytest.raises(PackError) as caught:
        normal(name)
    assert (caught.value.message, caught.value.hint) == (said, AGAIN)


def test_a_name_longer_than_any_medium_takes_is_refused() -> None:
    with pytest.raises(PackError) as caught:
        normal("modules/" + "a" * 200)
    assert caught.value.message.endswith("… is longer than 200 characters")


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (stat.S_IFLNK | 0o777, "x is a link; a pack holds plain files only"),
        (stat.S_IFBLK | 0o600, "x is a block device; a pack holds plain files only"),
        (stat.S_IFCHR | 0o600, "x is a character device; a pack holds plain files only"),
        (stat.S_IFIFO | 0o600, "x is a pipe; a pack holds plain files only"),
        (stat.S_IFSOCK | 0o600, "x is a socket; a pack holds plain files only"),
        (stat.S_IFREG | 0o4755, "x would run with somebody else's rights (set-ID)"),
        (stat.S_IFREG | 0o2755, "x would run with somebody else's rights (set-ID)"),
    ],
)
def test_what_is_no_plain_file_is_refused(mode: int, said: str) -> None:
    with pytest.raises(PackError) as caught:
        check_kind("x", mode)
    assert (caught.value.message, caught.value.hint) == (said, AGAIN)


def test_plain_files_and_directories_pass() -> None:
    check_kind("x", stat.S_IFREG | 0o644)
    check_kind("x", stat.S_IFDIR | 0o2755)
    assert is_content("modules/x.ko") and not is_content("modules") and not is_content("bin/x")


def test_what_is_shown_is_one_printable_line() -> None:
    assert shown("a\x1b[31m\u202eb\udc80" + "x" * 500).isprintable()
    assert len(shown("x" * 500)) == 120
