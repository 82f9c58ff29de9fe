"""Mounts are walked back to what carries them."""

from xeninstall.machine.mounts import Carrier, medium_carriers, mounts, system_carriers

from .computer import Computer


def test_the_systems_own_directories_are_found(computer: Computer) -> None:
    computer.mount("8:1", "/", "ext4", "/dev/sda1")
    computer.mount("8:17", "/boot/efi", "vfat", "/dev/sdb1")
    computer.mount("8:33", "/data", "ext4", "/dev/sdc1")
    look = computer.look()
    found = system_carriers(look, mounts(look))
    assert found == (Carrier("/", "8:1", "/dev/sda1"), Carrier("/boot/efi", "8:17", "/dev/sdb1"))


def test_a_live_system_stands_on_the_medium_through_overlay_and_loop(computer: Computer) -> None:
    computer.live("sdb")
    look = computer.look()
    everything = mounts(look)
    assert "/dev/sdb1" in {carrier.source for carrier in system_carriers(look, everything)}
    assert "/dev/sdb1" in {carrier.source for carrier in medium_carriers(look, everything)}


def test_a_zfs_root_is_its_pool(computer: Computer) -> None:
    computer.mount("0:25", "/", "zfs", "rpool/ROOT/debian")
    look = computer.look()
    assert system_carriers(look, mounts(look)) == (Carrier("/", "", "", pool="rpool"),)


def test_escaped_blanks_are_read_back(computer: Computer) -> None:
    computer.mount("8:1", r"/mnt/my\040disk", "ext4", "/dev/sda1")
    assert mounts(computer.look())[0].place == "/mnt/my disk"


def test_loops_that_hold_each_other_end(computer: Computer) -> None:
    computer.mount("7:0", "/", "ext4", "/dev/loop0")
    computer.mount("7:1", "/img", "ext4", "/dev/loop1")
    computer.file("/sys/block/loop0/loop/backing_file", "/img/a\n")
    computer.file("/sys/block/loop1/loop/backing_file", "/b\n")
    look = computer.look()
    assert {carrier.source for carrier in system_carriers(look, mounts(look))} == {"/dev/loop0", "/dev/loop1"}


def test_broken_lines_are_left_out(computer: Computer) -> None:
    computer.file("/proc/self/mountinfo", "garbage\n1 2 3\n - - - \n")
    assert mounts(computer.look()) == ()
