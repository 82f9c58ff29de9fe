"""The first screen: the host's state, its settings, what differs from its answer file, and the way to a login."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from tests.wizard.driving import settle
from tests.wizard.screens import golden, text_of, words_of
from tests.wizard.setup.hosts import STATE, console, fake, shown, with_state
from xeninstall.wizard.kit.language import switch
from xeninstall.wizard.setup.exits import EXIT_SHELL


def test_the_state_and_the_settings_are_one_screen(tmp_path: Path) -> None:
    async def run() -> None:
        async with shown(console(tmp_path)) as pilot:
            golden(pilot, "setup/status")

    asyncio.run(run())


def test_in_german_too(tmp_path: Path) -> None:
    async def run() -> None:
        switch("de")
        async with shown(console(tmp_path)) as pilot:
            golden(pilot, "setup/status-german")

    asyncio.run(run())


def test_what_cannot_be_seen_is_said_and_long_lines_are_cut(tmp_path: Path) -> None:
    changes = {"guests": None, "xen": "", "stores": (), "failed": ("a" * 90,), "memory_mib": None, "free_mib": None, "load": ()}

    async def run() -> str:
        async with shown(with_state(console(tmp_path), **changes)) as pilot:
            assert all(len(line) <= 80 for line in text_of(pilot))
            return words_of(pilot)

    text = asyncio.run(run())
    assert "NOT under Xen" in text and "unknown: Xen does not answer" in text and "aaa ..." in text and "VM storage none" in text


def test_it_looks_again_by_key_and_shows_what_changed(tmp_path: Path) -> None:
    async def run() -> str:
        given = console(tmp_path)
        async with shown(given) as pilot:
            fake(given)._shown = replace(STATE, guests=())
            await pilot.press("ctrl+t")
            await settle(pilot)
            return words_of(pilot)

    assert "Guests none is running" in asyncio.run(run())


def test_looking_again_draws_what_a_kernel_message_has_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> str:
        async with shown(console(tmp_path)) as pilot:
            sent: list[str] = []
            monkeypatch.setattr(HeadlessDriver, "is_headless", False)  # one that is draws nothing
            monkeypatch.setattr(HeadlessDriver, "write", lambda self, data: sent.append(data))
            await pilot.press("ctrl+t")
            await settle(pilot)
            return "".join(sent)

    text = asyncio.run(run())
    assert "This host" in text and "Login shell" in text, "also what is as it was"


def test_what_was_changed_by_hand_is_listed_and_can_be_read(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        (tmp_path / "etc/hostname").write_text("other\n")
        (tmp_path / "etc/localtime").unlink()
        (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
        async with shown(given) as pilot:
            assert "9 Login shell v 4 differences from the answer file [ Choose ]" in words_of(pilot)
            await pilot.press("end", "enter")
            await settle(pilot)
            golden(pilot, "setup/differences")

    asyncio.run(run())


def test_what_something_else_keeps_cannot_be_chosen_and_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        for path in (tmp_path / "etc/systemd/network").iterdir():
            path.unlink()
        async with shown(given) as pilot:
            golden(pilot, "setup/status-foreign")
            before = pilot.app.screen
            await pilot.press("3")
            await settle(pilot)
            assert pilot.app.screen is before

    asyncio.run(run())


@pytest.mark.parametrize("guarded", [True, False])
def test_the_login_shell_is_a_key_away(tmp_path: Path, guarded: bool) -> None:
    async def run() -> int | None:
        async with shown(console(tmp_path, guarded=guarded)) as pilot:
            await pilot.press("9")
            await settle(pilot)
            return pilot.app.return_value

    assert asyncio.run(run()) == EXIT_SHELL


def test_at_the_console_leaving_means_the_login_and_elsewhere_it_asks(tmp_path: Path) -> None:
    async def run(guarded: bool, root: Path) -> tuple[int | None, str]:
        async with shown(console(root, guarded=guarded)) as pilot:
            await pilot.press("ctrl+c")
            await settle(pilot)
            return pilot.app.return_value, words_of(pilot)

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert asyncio.run(run(True, tmp_path / "a"))[0] == EXIT_SHELL
    code, text = asyncio.run(run(False, tmp_path / "b"))
    assert code is None and "The host goes on as it is." in text
