"""Changes on a host's root directory, and their way back: run by the real shell, in time, after a failure, after a power cut."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.given import Recorder, answers
from tests.host.given import HASH, installed, running, settings
from xeninstall.apply.way_back import TooLate
from xeninstall.base.errors import Error
from xeninstall.base.run import Completed, SystemRunner
from xeninstall.host.apply import apply
from xeninstall.host.changes import Changes, changes
from xeninstall.host.tree import Tree
from xeninstall.host.undo import Pending, Undo

STATIC = '[network.ipv4]\nmethod = "static"\naddress = "192.0.2.10/24"\ngateway = "192.0.2.1"\n'
DNS = '[dns]\nmode = "servers"\nservers = ["192.0.2.53"]\n'
UNDO = "/var/lib/xeninstall/undo"


class Host(Recorder):
    """A runner that remembers, and runs the way back really; nothing else reaches this machine."""

    def __init__(self, root: Path, fails: tuple[str, ...] = ()) -> None:
        super().__init__(self._play)
        self.root, self.fails = root, fails

    def _play(self, argv: tuple[str, ...]) -> Completed | None:
        if argv[-2:-1] == ("/bin/sh",):
            return SystemRunner().run(argv[-2:])
        return Completed(argv, 1, "", "no such thing") if self.fails and argv[: len(self.fails)] == self.fails else None


def host(root: Path, before: str, after: str) -> Changes:
    """A host below `root`, and what it takes to change it; the way back runs no command that would reach this machine."""
    given = installed(root, before)
    running(root)
    (root / "proc/sys/kernel/random").mkdir(parents=True)
    (root / "proc/sys/kernel/random/boot_id").write_text("one\n")
    return replace(changes(Tree(root), settings(given), settings(answers(after))), undo=())


def files(root: Path) -> dict[str, str]:
    """Every file's text and every link's target below /etc."""
    return {
        str(path.relative_to(root)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted((root / "etc").rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_a_change_that_cuts_nothing_is_done_at_once(tmp_path: Path) -> None:
    made = host(tmp_path, "", '[host]\nname = "new"\n')
    runner = Host(tmp_path)
    assert apply(made, "# new answers\n", runner, tmp_path) is False
    assert (tmp_path / "etc/hostname").read_text() == "new\n"
    assert (tmp_path / "etc/xeninstall/answers.toml").read_text() == "# new answers\n"
    assert not (tmp_path / UNDO.lstrip("/")).exists() and not list(tmp_path.rglob("*undo*"))
    assert ("hostname", "--file", "/etc/hostname") in runner.ran


def test_a_network_change_waits_and_stays_when_it_is_confirmed(tmp_path: Path) -> None:
    made = host(tmp_path, STATIC + DNS, STATIC.replace(".10/", ".20/") + DNS)
    runner = Host(tmp_path)
    kept = (tmp_path / "etc/xeninstall/answers.toml").read_text()
    assert apply(made, "# new answers\n", runner, tmp_path, seconds=60) is True
    timer = ("systemd-run", "--quiet", "--on-active=60", "--timer-property=AccuracySec=1s", "--unit=xeninstall-undo.service")
    assert runner.ran.index(timer) < runner.ran.index(("networkctl", "reload"))
    undo = Undo(runner, tmp_path)
    assert undo.pending() == Pending(60, ("host", "network"))
    assert (tmp_path / "etc/xeninstall/answers.toml").read_text() == kept
    undo.confirm()
    assert undo.pending() is None
    assert "192.0.2.20/24" in (tmp_path / "etc/systemd/network/30-xenbr0.network").read_text()
    assert (tmp_path / "etc/xeninstall/answers.toml").read_text() == "# new answers\n"
    assert ("systemctl", "stop", "xeninstall-undo.timer") in runner.ran and not list((tmp_path / "etc").rglob("*undo*"))


def test_unconfirmed_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    vlan = "[network]\nvlan = 120\n"
    made = host(tmp_path, STATIC + DNS + vlan, '[host]\nname = "new"\n[network]\nmtu = 9000\n')
    (tmp_path / "etc/hosts").chmod(0o600)
    before = files(tmp_path)
    apply(made, "# new\n", Host(tmp_path), tmp_path)
    assert files(tmp_path) != before
    # As the timer does it: without us.
    subprocess.run(["/bin/sh", f"{tmp_path}{UNDO}/undo"], check=True)
    assert files(tmp_path) == before
    assert (tmp_path / "etc/hosts").stat().st_mode & 0o777 == 0o600
    with pytest.raises(TooLate):
        Undo(Host(tmp_path), tmp_path).confirm()
    subprocess.run(["/bin/sh", f"{tmp_path}{UNDO}/undo"], check=True)  # once more does nothing
    assert files(tmp_path) == before


def test_a_way_back_that_was_cut_short_is_gone_to_its_end_at_the_next_start(tmp_path: Path) -> None:
    made = host(tmp_path, STATIC + DNS, '[host]\nname = "new"\n')
    before = files(tmp_path)
    apply(replace(made, cuts=True), "# new\n", Host(tmp_path), tmp_path)
    script = Path(f"{tmp_path}{UNDO}/undo")
    half = tmp_path / "half"
    half.write_text(script.read_text().partition("\nsync\n")[0] + "\nkill -9 $$\n")
    assert subprocess.run(["/bin/sh", str(half)], check=False).returncode == -9
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("two\n")
    assert Undo(Host(tmp_path), tmp_path).pending() == Pending(0, made.topics)
    unit = tmp_path / "etc/systemd/system/sysinit.target.wants/xeninstall-undo.service"
    assert unit.is_symlink()
    subprocess.run(["/bin/sh", str(script)], check=True)
    assert files(tmp_path) == before


def test_services_hear_of_it_in_the_same_boot_only_since_at_the_next_they_wait_for_it(tmp_path: Path) -> None:
    for boot, told in (("one", True), ("two", False)):
        root = tmp_path / boot
        root.mkdir()
        heard = root / "heard"
        made = host(root, STATIC + DNS, STATIC.replace(".10/", ".20/") + DNS)
        apply(replace(made, undo=(("touch", str(heard)),)), "", Host(root), root)
        (root / "proc/sys/kernel/random/boot_id").write_text(f"{boot}\n")
        subprocess.run(["/bin/sh", f"{root}{UNDO}/undo"], check=True, timeout=30)
        assert heard.exists() is told
        assert "192.0.2.10/24" in (root / "etc/systemd/network/30-xenbr0.network").read_text()


def test_the_unit_of_the_way_back_is_one_that_systemd_takes(tmp_path: Path) -> None:
    made = host(tmp_path, STATIC + DNS, STATIC.replace(".10/", ".20/") + DNS)
    apply(made, "", Host(tmp_path), tmp_path)
    unit = tmp_path / "etc/systemd/system/xeninstall-undo.service"
    argv = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "xeninstall-undo" not in done.stderr, done.stderr


def test_a_service_that_refuses_brings_the_old_files_back_at_once(tmp_path: Path) -> None:
    made = host(tmp_path, STATIC + DNS, STATIC.replace(".10/", ".20/") + DNS)
    before = files(tmp_path)
    with pytest.raises(Error, match="the old settings are back, since a step failed: networkctl reload failed") as error:
        apply(made, "# new\n", Host(tmp_path, ("networkctl",)), tmp_path)
    assert error.value.hint == "mend that, then apply again"
    assert files(tmp_path) == before


def test_without_a_timer_nothing_is_changed(tmp_path: Path) -> None:
    made = host(tmp_path, STATIC + DNS, STATIC.replace(".10/", ".20/") + DNS)
    before = files(tmp_path)
    with pytest.raises(Error, match="systemd-run"):
        apply(made, "# new\n", Host(tmp_path, ("systemd-run",)), tmp_path)
    assert files(tmp_path) == before and not (tmp_path / UNDO.lstrip("/")).exists()


def test_one_change_waits_at_a_time(tmp_path: Path) -> None:
    made = host(tmp_path, STATIC + DNS, STATIC.replace(".10/", ".20/") + DNS)
    apply(made, "", Host(tmp_path), tmp_path)
    with pytest.raises(Error, match="an earlier change still waits to be confirmed"):
        apply(made, "", Host(tmp_path), tmp_path)


def test_a_password_travels_on_standard_input_alone(tmp_path: Path) -> None:
    made = host(tmp_path, "", f'[root]\npassword_hash = "{HASH}"\n')
    runner = Host(tmp_path)
    said: list[str] = []
    apply(made, "", runner, tmp_path, say=said.append)
    assert HASH not in str(runner.ran) + str(said)
    assert runner.stdin[runner.ran.index(("chpasswd", "--encrypted"))] == f"root:{HASH}\n".encode()


def test_the_way_back_is_good_shell(tmp_path: Path) -> None:
    made = host(tmp_path, STATIC + DNS, '[time]\nntp = "none"\n')
    apply(replace(made, cuts=True, undo=(("systemctl", "restart", "a b.service"),)), "", Host(tmp_path), tmp_path)
    script = f"{tmp_path}{UNDO}/undo"
    assert "\nsystemctl restart 'a b.service'\n" in Path(script).read_text()
    subprocess.run(["shellcheck", "--shell=sh", script], check=True)
