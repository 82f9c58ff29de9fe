"""The guest's own programs reach nothing but the guest, and end when they are told to."""

import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from p2v.guest.apply import RepairError
from p2v.guest.changes import RunInGuest
from p2v.guest.jail import Ran, run_in_guest
from p2v.guest.tree import RootTree
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root
Run = Callable[..., Ran]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A guest with a shell: this machine's own programs, mounted read-only would be a link out, so they are copied."""
    root = tmp_path / "root"
    for place in ("bin", "etc", "dev", "proc", "sys", "run", "tmp"):
        (root / place).mkdir(parents=True)
    for name in ("bash", "sleep", "touch", "cat", "mknod", "mount", "ls", "chroot", "mkdir", "head", "chmod", "perl"):
        program = Path(shutil.which(name) or f"/bin/{name}")
        shutil.copy2(program, root / "bin" / name)
        for word in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split():
            if word.startswith("/"):
                (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(word, root / word[1:])
    (root / "bin" / "sh").symlink_to("bash")
    return root


@pytest.fixture
def run(root: Path) -> Run:
    """Run a line of shell in the guest."""

    def line(script: str, makes: str = "", seconds: float = 20.0) -> Ran:
        change = RunInGuest(("/bin/sh", "-c", script), "test", makes=makes, timeout_seconds=seconds)
        return run_in_guest(RootTree(root), change, SystemRunner())

    return line


def test_it_works_on_the_guests_files(root: Path, run: Run) -> None:
    ran = run("touch /etc/made && echo done", makes="/etc/made")
    assert (ran.problem, ran.output) == ("", "done")
    assert (root / "etc/made").stat().st_uid == 0
    assert run("true", makes="/etc/made").problem == "it left /etc/made as it was"
    failed = run("echo no; exit 3")
    assert (failed.problem, failed.output) == ("it ended with status 3", "no")


def test_it_sees_no_network_no_process_no_disk_of_ours(run: Run) -> None:
    assert run("read -r a < /proc/net/dev; cat /proc/net/dev").output.count("\n") <= 2  # lo only
    assert len(run("ls -d /proc/[0-9]*").output.split()) <= 3
    assert "sda" not in run("ls /dev").output
    assert run("echo x > /dev/null && head -c 4 /dev/urandom > /tmp/x && echo ok").output == "ok"


def test_no_device_file_opens_old_or_new(root: Path, run: Run) -> None:
    os.mknod(root / "etc" / "disk", 0o600 | 0o060000, os.makedev(254, 0))
    for place in ("/etc/disk", "/dev/made", "/tmp/made", "/etc/made"):
        ran = run(f"[ -b {place} ] || mknod {place} b 254 0; head -c 1 {place}")
        assert "Permission denied" in ran.output, (place, ran)


def test_it_cannot_mount_nor_leave_its_root(root: Path, run: Run) -> None:
    (root.parent / "outside").write_text("outside")
    assert run("mount -t tmpfs x /etc").problem
    escape = "mkdir /etc/c; chroot /etc/c /bin/true; cd ../../../../../../; ls; cat /../outside /proc/1/root/outside ../outside"
    ran = run(escape)
    assert "outside: No such file" in ran.output
    assert "outside\n" not in ran.output.replace("outside: No", "")


# open_by_handle_at(2) with the second inode of a file system, which is its root in many; every descriptor it has is tried.
_BY_HANDLE = """my $handle = pack("IiII", 8, 1, 2, 0);
for my $place (@ARGV) {
    open(my $at, "<", $place) or opendir($at, $place) or next;
    my $fd = syscall(%d, fileno($at), $handle, 0200000);
    print "$place opened\\n" if $fd >= 0;
}
print "tried\\n";
"""


def test_no_handle_leads_out_of_its_mounts(root: Path, run: Run) -> None:
    (root / "handle.pl").write_text(_BY_HANDLE % {"x86_64": 304, "aarch64": 265}[os.uname().machine])
    assert run("perl /handle.pl / /dev /dev/null /proc /sys /tmp /run /run/* /proc/self/fd/*").output == "tried"
    said = run("cat /proc/self/mountinfo /proc/self/status").output
    assert not int(re.findall(r"CapPrm:\s*(\w+)", said)[0], 16) & 1 << 2, "CAP_DAC_READ_SEARCH opens any inode of a mount"
    mounts = [line.split() for line in said.splitlines() if " - " in line]
    assert [words[4] for words in mounts if words[-3] not in ("tmpfs", "proc")] == ["/"], "only the guest is shared"


def test_what_it_changes_of_its_devices_and_of_proc_is_not_ours(run: Run) -> None:
    places = ["/dev/null", "/dev/zero", "/dev/tty", "/proc/version"]
    before = {place: stat.S_IMODE(Path(place).stat().st_mode) for place in places}
    try:
        said = run(f"chmod a+x {' '.join(places)} /proc/self/fd/0 /proc/self/fd/1; echo x > /dev/null && echo ok").output
        assert {place: stat.S_IMODE(Path(place).stat().st_mode) for place in places} == before
    finally:
        for place in places:
            Path(place).chmod(before[place])
    assert said.endswith("ok")


def test_what_it_says_is_read_to_its_end_and_in_order(run: Run) -> None:
    assert run("echo one; echo two >&2; echo three").output == "one\ntwo\nthree"
    assert run("exec >&- 2>&-; sleep 1").problem == ""
    assert run("read -r x; echo $?").output == "1"  # nobody says anything to it
    said = run("for n in {1..30000}; do echo $n; done")
    assert said.problem == "" and said.output.endswith("\n30000") and len(said.output) < 5000


def test_what_outlives_it_is_ended_and_not_waited_for(run: Run) -> None:
    began = time.monotonic()
    assert run("(trap '' TERM HUP; exec sleep 4343) & echo done").output == "done"
    assert run("while :; do :; done & trap '' TERM; while :; do sleep 4343; done", seconds=1).problem
    assert time.monotonic() - began < 15
    assert "sleep 4343" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_what_hangs_is_ended_with_all_that_it_started(run: Run) -> None:
    began = time.monotonic()
    ran = run("trap '' TERM HUP INT; (sleep 4242 &) ; sleep 4242", seconds=1)
    assert ran.problem == "it did not end within 1 s, and was ended"
    assert time.monotonic() - began < 15
    time.sleep(0.2)
    assert "sleep 4242" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.replace(
        "\0", " "
    )


def test_what_floods_is_ended(run: Run) -> None:
    assert run("while :; do echo 0123456789012345678901234567890123456789 0123456789 0123456789; done").problem == (
        "it said more than anybody can read, and was ended"
    )


def test_what_it_says_has_no_control_sequences(run: Run) -> None:
    assert "\x1b" not in run("printf '\\033[2J\\033]0;x\\007 hello'").output


@pytest.mark.parametrize("place", ["dev", "proc", "run", "sys", "tmp"])
def test_a_root_whose_mount_points_are_links_is_not_entered(root: Path, run: Run, place: str) -> None:
    (root / place).rmdir()
    (root / place).symlink_to("/oldroot/etc")
    with pytest.raises(RepairError, match=f"/{place} of the guest is not a folder, so that its programs cannot be run"):
        run("true")
