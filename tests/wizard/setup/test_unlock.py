"""Where nobody has logged in: looking is free, everything else asks for root's password, and again when nobody is there."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.host.given import HASH
from tests.wizard.driving import settle, type_text
from tests.wizard.screens import golden, text_of, words_of
from tests.wizard.setup.hosts import TOML, console, fake, shown
from xeninstall.answers.passwords import hash_password
from xeninstall.wizard.setup.status import Status
from xeninstall.wizard.setup.unlock import AskPassword
from xeninstall.wizard.setup.work import RunningHost
from xeninstall.wizard.steps.host import Host

WITH_PASSWORD = f'{TOML}[root]\npassword_hash = "{HASH}"\n'


def test_a_setting_asks_for_the_password_and_a_wrong_one_opens_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path, WITH_PASSWORD, guarded=True)
        async with shown(given) as pilot:
            await pilot.press("4")
            assert isinstance(pilot.app.screen, AskPassword)
            golden(pilot, "setup/unlock")
            await type_text(pilot, "wrong")
            await pilot.press("enter")
            await settle(pilot)
            golden(pilot, "setup/unlock-wrong")
            assert given.locked and "wrong" not in "".join(text_of(pilot))
            await type_text(pilot, fake(given).password)
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Host) and not given.locked

    asyncio.run(run())


@pytest.mark.parametrize("key", ["1", "2", "3", "4", "5", "6", "7", "8"])
def test_every_setting_is_behind_it(tmp_path: Path, key: str) -> None:
    async def run() -> None:
        async with shown(console(tmp_path, WITH_PASSWORD, guarded=True)) as pilot:
            await pilot.press(key)
            assert isinstance(pilot.app.screen, AskPassword)
            await pilot.press("escape")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Status)

    asyncio.run(run())


def test_whoever_has_logged_in_is_not_asked(tmp_path: Path) -> None:
    async def run() -> None:
        async with shown(console(tmp_path, WITH_PASSWORD)) as pilot:
            await pilot.press("4")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Host)

    asyncio.run(run())


def test_without_a_password_the_way_is_named(tmp_path: Path) -> None:
    async def run() -> str:
        async with shown(console(tmp_path, guarded=True)) as pilot:
            await pilot.press("2")
            return words_of(pilot)

    assert "root has no password: use `xeninstall setup` over SSH." in asyncio.run(run())


def test_when_nobody_presses_a_key_any_more_it_locks_and_drops_what_was_entered(tmp_path: Path) -> None:
    async def run() -> None:
        given = console(tmp_path, WITH_PASSWORD, guarded=True)
        async with shown(given) as pilot:
            given.unlocked_at = time.monotonic()
            await pilot.press("4")
            await settle(pilot)
            given.draft.set("host.name", "half-typed")
            given.unlocked_at -= 301
            pilot.app._lock()  # type: ignore[attr-defined]  # what the clock calls
            await settle(pilot)
            assert isinstance(pilot.app.screen, Status) and given.locked
            assert given.draft.get("host.name") == "xen1"

    asyncio.run(run())


def test_the_real_password_is_known_by_its_hash_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = hash_password(b"staple-Battery7")
    given = console(tmp_path, f'{TOML}[root]\npassword_hash = "{hashed}"\n')
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    host = RunningHost(given.machine, given.runner, tmp_path)
    assert host.password_is("staple-Battery7") and not waited
    assert not host.password_is("staple-Battery8") and waited == [3.0]
    assert not host.password_is("") and not host.password_is("staple-Battery7\0")
