"""A whole run on a server that does what it is told: to the end, interrupted anywhere, and a second time."""

import json
from pathlib import Path

import pytest

from xeninstall.base.errors import Error, Stopped
from xeninstall.base.events import StageFinished
from xeninstall.base.run import Completed
from xeninstall.bootstrap.places import JOURNAL
from xeninstall.bootstrap.trial import RolledBack

from .acting import Acting, Killed, Play
from .server import LINUX, PACKAGES, SYSTEMS, XEN
from .test_plan import EVERYTHING

PASSWORD = '[root]\npassword_hash = "$y$j9T$secretsecretsecret$secretsecretsecretsecret"\n'


@pytest.mark.parametrize("dhcp", [False, True], ids=["static", "dhcp"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_second_run_has_nothing_to_do(tmp_path: Path, system: str, dhcp: bool) -> None:
    server = Acting(tmp_path, system, dhcp=dhcp)
    assert not server.bootstrap(PASSWORD).empty
    assert server.present().grub.once == XEN and server.present().grub.saved == LINUX
    again = server.plan(PASSWORD)
    assert again.empty and again.reboot_needed, "before the reboot it is armed already"
    later = server.plan(PASSWORD, server.under_xen())
    assert later.empty and not later.reboot_needed


def test_a_second_run_with_everything_answered(tmp_path: Path) -> None:
    server = Acting(tmp_path)
    server.bootstrap(EVERYTHING)
    assert server.plan(EVERYTHING).empty


def test_the_order_is_the_careful_one(tmp_path: Path) -> None:
    server = Acting(tmp_path)
    server.bootstrap()
    ran = [" ".join(argv) for argv in server.shell.ran]
    order = [
        f"grub-set-default {LINUX}",
        "--download-only",
        "--no-install-recommends xen-system-amd64",
        "--unit=xeninstall-network-undo.service",
        "/switch",
        "update-grub",
        f"grub-reboot {XEN}",
    ]
    places = [next(number for number, line in enumerate(ran) if word in line) for word in order]
    assert places == sorted(places)
    assert all("--unit=xeninstall-apt.service" in line for line in ran if "apt-get" in line and "install" in line)
    assert all("NEEDRESTART_SUSPEND=1" in line for line in ran if "apt-get" in line)


def _commands_of_a_run(tmp_path: Path) -> tuple[int, dict[str, str]]:
    server = Acting(tmp_path)
    server.bootstrap(PASSWORD)
    return server.count, server.tree()


@pytest.mark.parametrize("how", [KeyboardInterrupt, Killed], ids=["stopped", "killed"])
def test_interrupted_at_any_command_it_ends_as_if_nothing_had_happened(tmp_path: Path, how: type[BaseException]) -> None:
    commands, tree = _commands_of_a_run(tmp_path / "whole")
    assert commands > 15
    for number in range(1, commands + 1):
        server = Acting(tmp_path / str(number))
        server.stop_at, server.how = number, how
        with pytest.raises((Stopped, KeyboardInterrupt, Killed)):
            server.bootstrap(PASSWORD)
        server.stop_at = 0
        server.bootstrap(PASSWORD)
        assert server.tree() == tree, f"interrupted at command {number}"
        assert server.plan(PASSWORD).empty


def test_the_journal_says_where_it_stands_and_holds_no_secret(tmp_path: Path) -> None:
    server = Acting(tmp_path)
    server.works = False
    server.shell.play = _undone_by_the_timer(server)
    with pytest.raises(RolledBack):
        server.bootstrap(PASSWORD)
    text = (tmp_path / JOURNAL[1:]).read_text()
    journal = json.loads(text)
    assert (journal["state"], journal["stage"]) == ("failed", "network")
    assert journal["finished"] == ["prepare", "packages", "configure"]
    assert "does not answer" in journal["message"] and "secret" not in text
    assert not any("secret" in " ".join(argv) for argv in server.shell.ran)
    assert server.present().grub.once == "", "Xen is not tried by a host whose network failed"


def _undone_by_the_timer(server: Acting) -> Play:
    act, pings = server.act, 0

    def play(argv: tuple[str, ...]) -> Completed | None:
        nonlocal pings
        pings += argv[0] == "ping"
        if pings == 2:
            server.undo()
            pings = 3
        return act(argv)

    return play


def test_apt_that_fails_is_told_by_its_own_words(tmp_path: Path) -> None:
    server = Acting(tmp_path)
    act = server.act

    def play(argv: tuple[str, ...]) -> Completed | None:
        if "--download-only" in argv:
            server.file("/var/log/xeninstall/apt.log", "Reading package lists...\nE: Failed to fetch http://x  404\n")
            return Completed(argv, 100, "", "")
        return act(argv)

    server.shell.play = play
    with pytest.raises(Error) as caught:
        server.bootstrap()
    assert caught.value.message == "apt-get failed: E: Failed to fetch http://x  404"
    assert "xenbr0" not in "".join(server.tree()), "nothing of the network was touched"


def test_a_menu_without_xen_is_no_success(tmp_path: Path) -> None:
    server = Acting(tmp_path)
    act = server.act
    server.shell.play = lambda argv: Completed(argv, 0, "", "") if argv == ("update-grub",) else act(argv)
    with pytest.raises(Error, match=f"update-grub has made no entry {XEN} for Xen"):
        server.bootstrap()
    assert server.present().grub.once == ""


def test_empty_stages_are_skipped(tmp_path: Path) -> None:
    server = Acting(tmp_path)
    server.installed("iputils-ping", *PACKAGES)
    server.bootstrap()
    assert [event.stage for event in server.events if isinstance(event, StageFinished) and event.skipped] == ["packages"]


def test_after_a_boot_without_xen_it_is_tried_again_and_said(tmp_path: Path) -> None:
    server = Acting(tmp_path)
    server.bootstrap()
    state = tmp_path / "var/lib/xeninstall/bootstrap"
    (state / "xen-awaited").rename(state / "xen-missed")
    server.grubenv("next_entry", None)
    plan = server.plan()
    assert [stage.name for stage in plan.stages if stage.actions] == ["boot"]
    assert plan.warnings[-1].startswith("Xen did not start when it was tried last")
