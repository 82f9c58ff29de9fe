"""The screen answers while work runs: each kind of slow work is held, and keys are answered before it is let go.

Told by order, not by time: the work ends only after the answer was seen, so a screen that waited for it would never answer.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.wizard.driving import Recorder, Worker, driven, machine, press_act, session, settle, type_text
from tests.wizard.screens import words_of
from tests.wizard.steps.test_review import settled
from xeninstall.apply.proof.results import Result, passed
from xeninstall.base.run import Completed
from xeninstall.machine.model import Machine
from xeninstall.wizard import cards, proving, ssh_keys
from xeninstall.wizard.kit import Session, Step
from xeninstall.wizard.planning import plan
from xeninstall.wizard.steps import hardware, root, time
from xeninstall.wizard.steps.address import Address
from xeninstall.wizard.steps.hardware import Hardware
from xeninstall.wizard.steps.keyboard import Keyboard
from xeninstall.wizard.steps.menu import Menu
from xeninstall.wizard.steps.network import Network
from xeninstall.wizard.steps.progress import Installing
from xeninstall.wizard.steps.root import Root
from xeninstall.wizard.steps.time import Time

_PATIENCE_SECONDS = 30  # only a screen that does not answer at all takes this long


class Held:
    """Work that has begun and does not end before `let_go`."""

    def __init__(self) -> None:
        self.begun, self.free, self.over = threading.Event(), threading.Event(), threading.Event()
        self.where: list[threading.Thread] = []

    def wait(self) -> None:
        self.where.append(threading.current_thread())
        self.begun.set()
        assert self.free.wait(_PATIENCE_SECONDS), "the screen did not answer while this ran"
        self.over.set()

    def let_go(self) -> None:
        self.free.set()


class HeldRunner(Recorder):
    """Commands of this name take as long as the test wants."""

    def __init__(self, held: Held, name: str) -> None:
        super().__init__()
        self._held, self._name = held, name

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        if argv[0] == self._name:
            self._held.wait()
        return super().run(argv, stdin=stdin, check=check, cwd=cwd)


class HeldWorker(Worker):
    """An installation that takes as long as the test wants."""

    def __init__(self, held: Held) -> None:
        super().__init__()
        self._held = held

    def perform(self, *arguments: Any) -> None:
        self._held.wait()
        super().perform(*arguments)


async def answers_while(
    held: Held, given: Session, step: type[Step], begin: Callable[[Pilot[int]], Any], no_help: bool = False
) -> None:
    """Begin the work; then help opens and closes, and only then does the work end."""
    async with driven(given, step) as (pilot, _):
        await begin(pilot)
        assert await asyncio.to_thread(held.begun.wait, _PATIENCE_SECONDS), "the work never began"
        before = pilot.app.screen
        await pilot.press("up" if no_help else "f1")
        assert no_help or pilot.app.screen is not before
        await pilot.press("escape")
        assert not held.over.is_set()
        assert held.where[0] is not threading.main_thread()
        held.let_go()
        await settle(pilot)
        assert held.over.is_set()


def test_while_the_machine_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()

    def probe(_runner: object) -> Machine:
        held.wait()
        return machine("nvme")

    monkeypatch.setattr(hardware, "probe", probe)
    asyncio.run(answers_while(held, session(), Hardware, lambda pilot: press_act(pilot, "again")))


def test_while_the_network_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()

    def prove(_subject: object, _runner: object) -> Iterator[Result]:
        held.wait()
        yield passed("link", "eno1 has a link")

    monkeypatch.setattr(proving, "prove", prove)
    # The box is closed while the proof runs, which is the answer here.
    asyncio.run(answers_while(held, session(), Address, lambda pilot: pilot.press("ctrl+t"), no_help=True))


def test_while_a_card_blinks() -> None:
    held = Held()
    given = session(runner=HeldRunner(held, "ethtool"))

    async def blink(pilot: Pilot[int]) -> None:
        await pilot.press("down", "ctrl+t")

    asyncio.run(answers_while(held, given, Network, blink))


def test_while_a_card_takes_long_to_tell_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()

    def now(found: Machine) -> dict[str, cards.Link]:
        held.wait()
        return cards.known(found)

    monkeypatch.setattr(cards, "now", now)
    asyncio.run(answers_while(held, session(), Network, lambda pilot: pilot.pause()))


def test_while_a_password_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()

    def hash_password(_password: bytes) -> str:
        held.wait()
        return "$y$j9T$x$y"

    monkeypatch.setattr(root, "hash_password", hash_password)

    async def typed(pilot: Pilot[int]) -> None:
        await type_text(pilot, "staple-Battery7")
        await pilot.press("tab")
        await type_text(pilot, "staple-Battery7")

    asyncio.run(answers_while(held, session(), Root, typed))


def test_while_keys_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()

    def fetched(_place: str) -> list[str]:
        held.wait()
        return []

    monkeypatch.setattr(ssh_keys, "fetched", fetched)

    async def fetch(pilot: Pilot[int]) -> None:
        pilot.app.screen.query_one("#key Line").focus()
        await type_text(pilot, "https://example.org/keys")
        await press_act(pilot, "add")

    asyncio.run(answers_while(held, session(), Root, fetch))


def test_while_a_time_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()

    def ask(server: str) -> Result:
        held.wait()
        return passed("ntp", server)

    monkeypatch.setattr(time, "ask_time_server", ask)
    given = session(data={"time": {"ntp": "servers", "servers": ["192.0.2.1"]}})
    asyncio.run(answers_while(held, given, Time, lambda pilot: pilot.press("ctrl+t")))


def test_while_a_keyboard_layout_is_applied() -> None:
    held = Held()
    given = session(runner=HeldRunner(held, "ckbcomp"), console=True)

    async def choose(pilot: Pilot[int]) -> None:
        await type_text(pilot, "polish")
        await pilot.press("down", "enter")

    asyncio.run(answers_while(held, given, Keyboard, choose))


def test_while_the_machine_is_told_to_start_again() -> None:
    held = Held()
    given = session(runner=HeldRunner(held, "systemctl"), on_medium=True)

    async def reboot(pilot: Pilot[int]) -> None:
        await pilot.press("end", "enter", "right", "enter")

    asyncio.run(answers_while(held, given, Menu, reboot))


def test_while_a_host_is_installed() -> None:
    held = Held()
    given = settled()
    given.work, given.plan = HeldWorker(held), plan(given)

    async def run() -> None:
        async with driven(given, Installing) as (pilot, _):
            assert await asyncio.to_thread(held.begun.wait, _PATIENCE_SECONDS)
            await pilot.press("ctrl+l")
            assert "newest line first" in words_of(pilot)
            await pilot.press("escape", "ctrl+c")
            assert "Stop the installation?" in words_of(pilot)
            await pilot.press("enter")
            assert not held.over.is_set()
            held.let_go()
            await settle(pilot)
            assert held.over.is_set()

    asyncio.run(run())
