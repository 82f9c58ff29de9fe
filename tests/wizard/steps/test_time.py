"""Time: from DHCP, servers that are tested, or by hand in the chosen zone."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.wizard.driving import driven, press_act, session, settle, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.apply.proof.results import Result, failed, passed
from xeninstall.wizard.steps import time as module
from xeninstall.wizard.steps.time import Time


def test_servers_are_tested_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(server: str) -> Result:
        if server == "192.0.2.123":
            return passed("ntp", "the time server 192.0.2.123 answers: this machine's clock is 2 h slow")
        return failed("ntp", f"the time server {server} does not answer; look at its name and the firewall between")

    monkeypatch.setattr(module, "ask_time_server", ask)

    async def run() -> None:
        given = session()
        async with driven(given, Time) as (pilot, _):
            golden(pilot, "time")
            await pilot.press("down", "enter")
            await type_text(pilot, "192.0.2.123 ntp.example.org")
            await pilot.press("ctrl+t")
            await settle(pilot)
            golden(pilot, "time-tested")
            assert given.draft.data["time"] == {"ntp": "servers", "servers": ["192.0.2.123", "ntp.example.org"]}
            await type_text(pilot, "x")
            assert "2 h slow" not in words_of(pilot)  # results of other servers would mislead
        assert Time.summary(given) == "NTP: 192.0.2.123 ntp.example.orgx"

    asyncio.run(run())


def test_a_wrong_server_is_refused_and_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ask_time_server", lambda server: pytest.fail("it was asked"))

    async def run() -> None:
        async with driven(session(data={"time": {"ntp": "servers"}}), Time) as (pilot, _):
            await pilot.press("tab")
            await type_text(pilot, "ntp_1")
            assert "'ntp_1' is not a domain name" in words_of(pilot)
            await press_act(pilot, "test")
            await settle(pilot)

    asyncio.run(run())


def test_by_hand_the_clock_is_typed_in_the_chosen_zone() -> None:
    async def run() -> None:
        given = session(data={"time": {"zone": "Europe/Berlin", "ntp": "none"}})
        async with driven(given, Time, no_color=True) as (pilot, step):
            await pilot.press("tab")
            await type_text(pilot, "2026-11-23 2")
            assert "not a date and a time; write them like 2026-11-23 20:15" in words_of(pilot)
            golden(pilot, "time-wrong-none")
            await type_text(pilot, "0:15")
            assert given.draft.get("time.clock") == datetime(2026, 11, 23, 20, 15, tzinfo=ZoneInfo("Europe/Berlin"))
            assert not step.problems(given)
            assert given.draft.section("time").clock.isoformat() == "2026-11-23T20:15:00+01:00"
        assert Time.summary(given) == "by hand: 2026-11-23 20:15"

    asyncio.run(run())


def test_another_way_and_back_and_another_visit_lose_nothing() -> None:
    async def run() -> None:
        given = session(data={"time": {"ntp": "servers", "servers": ["192.0.2.123"]}})
        async with driven(given, Time) as (pilot, _):
            await pilot.press("down", "space")
            await pilot.press("tab")
            await type_text(pilot, "2026-11-23 20:15")
            assert "servers" not in given.draft.data["time"]
        async with driven(given, Time) as (pilot, _):
            assert "2026-11-23 20:15" in words_of(pilot)
            await pilot.press("up", "space")
            assert given.draft.data["time"] == {"ntp": "servers", "servers": ["192.0.2.123"]}
            await pilot.press("end", "space")
            assert given.draft.get("time.clock").hour == 20

    asyncio.run(run())


def test_a_day_that_there_is_not_is_refused() -> None:
    async def run() -> None:
        async with driven(session(data={"time": {"ntp": "none"}}), Time) as (pilot, step):
            await pilot.press("tab")
            await type_text(pilot, "2026-02-30 12:00")
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step

    asyncio.run(run())


def test_a_rehearsal_asks_no_server() -> None:
    async def run() -> None:
        given = session(data={"time": {"ntp": "servers", "servers": ["192.0.2.1"]}}, rehearsal=True)
        async with driven(given, Time) as (pilot, _):
            await pilot.press("f5")
            assert "A rehearsal asks no network." in words_of(pilot)

    asyncio.run(run())
