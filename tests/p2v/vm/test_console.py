"""What a console tells: a login, an end, or nothing yet; what a guest says steers no terminal and tells no secret."""

import pytest

from p2v.vm.console import Seen, cleaned, judged, last_words


@pytest.mark.parametrize(
    ("console", "seen"),
    [
        ("", Seen.NOTHING_YET),
        ("[  OK  ] Started getty.\r\n\r\nDebian GNU/Linux 12 old ttyS0\r\n\r\nold login: ", Seen.LOGIN),
        ("\x1b[2J\x1b[1;1Hold login: \x1b[6n", Seen.LOGIN),
        ("old login: [   12.3] audit: something", Seen.LOGIN),
        ("the last login: never", Seen.NOTHING_YET),
        ("[ 1.0] Kernel panic - not syncing: VFS", Seen.DEAD),
        ("error: no such device.\nEntering rescue mode...\ngrub rescue> ", Seen.DEAD),
        ("ALERT! /dev/sda1 does not exist.\n(initramfs) ", Seen.DEAD),
        ("Gave up waiting for root file system device.", Seen.DEAD),
        ("dracut:/# ", Seen.DEAD),
        ("You are in emergency mode. After logging in", Seen.DEAD),
        ("BdsDxe: No bootable option or device was found.", Seen.DEAD),
        ("GRUB loading.\nLoading Linux ...", Seen.NOTHING_YET),
    ],
)
def test_a_console_tells(console: str, seen: Seen) -> None:
    assert judged(console) is seen


def test_a_marker_means_up_too() -> None:
    assert judged("appliance ready\n", "appliance ready") is Seen.LOGIN
    assert judged("appliance ready\n") is Seen.NOTHING_YET


def test_what_a_guest_says_steers_nothing() -> None:
    assert cleaned("a\x1b]0;title\x07b\x1b[31mc\x9bd\x00e") == "abc de"
    assert last_words("\x1b[2J\n  one \n\n two\n") == "one | two"


def test_a_secret_of_a_first_start_is_not_told() -> None:
    said = last_words(
        "Starting\nroot password: hunter2\nSet the following 'random' passwords\nold:hunter3\nDispatch Password Requests"
    )
    assert "hunter" not in said and said.startswith("Starting | (withheld") and said.endswith("Dispatch Password Requests")
