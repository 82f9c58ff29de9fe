"""A setting from the status screen to the host: the wizard's own steps, what changes, its files, and the end."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.host.given import HASH
from tests.wizard.driving import press_act, settle
from tests.wizard.screens import golden, words_of
from tests.wizard.setup.hosts import TOML, console, fake, shown
from xeninstall.base.errors import Error
from xeninstall.wizard import cards
from xeninstall.wizard.kit import Field
from xeninstall.wizard.setup.applying import Apply
from xeninstall.wizard.setup.confirm import Confirm
from xeninstall.wizard.setup.status import Status
from xeninstall.wizard.steps.address import Address
from xeninstall.wizard.steps.host import Host


@pytest.fixture(autouse=True)
def recorded_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cards are those of the recorded machine, not this one's."""
    monkeypatch.setattr(cards, "now", cards.known)


async def go(pilot: Pilot[int], *keys: str) -> None:
    """Keys, each with its effect."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def fill(pilot: Pilot[int], field: str, value: str) -> None:
    pilot.app.screen.query_one(f"#{field}", Field).fill(value)


def test_a_new_name_is_shown_beside_the_old_one_applied_and_told(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await go(pilot, "4")
            assert isinstance(pilot.app.screen, Host)
            fill(pilot, "name", "xen7")
            await go(pilot, "ctrl+n", "ctrl+n")
            golden(pilot, "setup/apply")
            await go(pilot, "ctrl+o")
            golden(pilot, "setup/apply-files")
            await go(pilot, "escape", "ctrl+n")
            assert isinstance(pilot.app.screen, Status)
            assert "Applied, and kept as the host's answer file." in words_of(pilot)
        ((changes, name),) = fake(given).applied
        assert name == "xen7" and changes.topics == ("host",) and not changes.cuts

    asyncio.run(run())


def test_nothing_changed_is_nothing_done(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await go(pilot, "4", "ctrl+n", "ctrl+n")
            golden(pilot, "setup/apply-nothing")
            await go(pilot, "ctrl+n")
            assert isinstance(pilot.app.screen, Status)
        assert not fake(given).applied

    asyncio.run(run())


async def to_new_address(pilot: Pilot[int]) -> None:
    """Up to the screen that applies it."""
    await go(pilot, "3", "ctrl+n")
    assert isinstance(pilot.app.screen, Address)
    fill(pilot, "ipv4-address", "192.0.2.20/24")
    await settle(pilot)
    await go(pilot, "ctrl+n")
    assert isinstance(pilot.app.screen, Apply)


def test_a_network_change_asks_and_then_waits_to_be_kept(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await to_new_address(pilot)
            golden(pilot, "setup/apply-network")
            await go(pilot, "ctrl+n")
            golden(pilot, "setup/apply-network-asks")
            await go(pilot, "enter")  # the safe answer has the focus
            assert not fake(given).applied
            await go(pilot, "ctrl+n", "tab", "enter")
            assert isinstance(pilot.app.screen, Confirm)
            golden(pilot, "setup/confirm")
            screen = pilot.app.screen
            await pilot.press("ctrl+n")
            await pilot.app.workers.wait_for_complete()
            screen._count()  # the clock strikes in the moment between the answer and its screen
            await settle(pilot)
            screen._count()
            await settle(pilot)
            assert isinstance(pilot.app.screen, Status) and fake(given).done == ["confirm"]
            assert "Applied, and kept as the host's answer file." in words_of(pilot)

    asyncio.run(run())


def test_the_old_settings_come_back_by_the_button_that_has_the_focus(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await to_new_address(pilot)
            await go(pilot, "ctrl+n", "tab", "enter", "enter")
            assert isinstance(pilot.app.screen, Status) and fake(given).done == ["back"]
            assert "The old settings are back." in words_of(pilot)

    asyncio.run(run())


def test_when_the_time_is_over_the_screen_says_that_they_are_back(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await to_new_address(pilot)
            await go(pilot, "ctrl+n", "tab", "enter")
            fake(given).waiting = None  # the timer has done it
            await pilot.pause(1.2)
            await settle(pilot)
            assert isinstance(pilot.app.screen, Status)
            assert "The old settings are back: nobody confirmed the change." in words_of(pilot)

    asyncio.run(run())


def test_a_new_connection_begins_at_the_countdown(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await to_new_address(pilot)
            await go(pilot, "ctrl+n", "tab", "enter")
        again = console(tmp_path, host=fake(given))
        async with shown(again) as pilot:
            assert isinstance(pilot.app.screen, Confirm)
            await go(pilot, "ctrl+n")
            assert fake(given).done == ["confirm"]

    asyncio.run(run())


def test_a_failure_stays_on_the_screen_and_nothing_entered_is_lost(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        fake(given).error = Error("the old settings are back, since a step failed: it broke", hint="mend that, then apply again")
        async with shown(given) as pilot:
            await go(pilot, "4")
            fill(pilot, "name", "xen7")
            await go(pilot, "ctrl+n", "ctrl+n", "ctrl+n")
            golden(pilot, "setup/apply-failed")
            fake(given).error = None
            await press_act(pilot, "next")
            await settle(pilot)
            assert fake(given).applied[0][1] == "xen7"

    asyncio.run(run())


def test_going_back_beyond_the_first_step_asks_before_it_drops(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path)
        async with shown(given) as pilot:
            await go(pilot, "4")
            fill(pilot, "name", "xen7")
            await settle(pilot)
            await go(pilot, "escape")
            golden(pilot, "setup/drop")
            await go(pilot, "enter")
            assert isinstance(pilot.app.screen, Host) and given.draft.get("host.name") == "xen7"
            await go(pilot, "escape", "tab", "enter")
            assert isinstance(pilot.app.screen, Status) and given.draft.get("host.name") == "xen1"

    asyncio.run(run())


def test_a_new_password_shows_as_one_and_never_itself(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path, f'{TOML}[root]\npassword_hash = "{HASH}"\n')
        async with shown(given) as pilot:
            await go(pilot, "2")
            fill(pilot, "password", "staple-Battery7")
            fill(pilot, "again", "staple-Battery7")
            await settle(pilot)
            await go(pilot, "ctrl+n")
            assert isinstance(pilot.app.screen, Apply)
            text = words_of(pilot)
            assert "(a new password)" in text and "staple" not in text and "$y$" not in text
            await go(pilot, "ctrl+n")
        changes = fake(given).applied[0][0]
        assert changes.password is not None and changes.password.get_secret_value().startswith("$y$")

    asyncio.run(run())


def test_nothing_is_tried_out_on_the_network_that_the_host_works_over(tmp_path: Path) -> None:
    async def run() -> str:
        async with shown(console(tmp_path)) as pilot:
            await go(pilot, "3", "ctrl+n", "ctrl+t")
            return words_of(pilot)

    assert "This host works over the network that would be tried." in asyncio.run(run())


def test_a_package_set_that_is_there_stays_and_another_is_installed(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path, TOML + '[packages]\nsets = ["base", "storage"]\n')
        async with shown(given) as pilot:
            await go(pilot, "6", "down", "down", "space")  # storage is there: its mark stays
            golden(pilot, "setup/packages")
            await go(pilot, "end", "space", "ctrl+n")
            golden(pilot, "setup/apply-packages")
            await go(pilot, "ctrl+n")
        assert fake(given).applied[0][0].topics == ("packages",)

    asyncio.run(run())


def test_a_password_that_is_typed_and_taken_back_leaves_the_hosts_own(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path, f'{TOML}[root]\npassword_hash = "{HASH}"\n')
        async with shown(given) as pilot:
            await go(pilot, "2", "x")
            assert given.draft.get("root.password_hash") is None
            await go(pilot, "backspace")
            assert given.draft.get("root.password_hash") == HASH and "A password is set" in words_of(pilot)
            await go(pilot, "ctrl+n")
            assert "Nothing is different from how the host is now." in words_of(pilot)

    asyncio.run(run())
