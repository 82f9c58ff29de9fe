"""DNS: from DHCP, own servers, or served here; refused as typed, kept when the mode changes."""

import asyncio

from tests.wizard.driving import driven, session, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.wizard.steps.dns import Dns


def test_servers_and_search_domains_reach_the_draft() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Dns) as (pilot, _):
            golden(pilot, "dns")
            await pilot.press("down", "enter")
            await type_text(pilot, "192.0.2.53 2001:db8::53")
            await pilot.press("tab")
            await type_text(pilot, "example.org")
            assert given.draft.data["dns"] == {
                "mode": "servers",
                "servers": ["192.0.2.53", "2001:db8::53"],
                "search": ["example.org"],
            }
            golden(pilot, "dns-servers")
        assert Dns.summary(given) == "192.0.2.53 2001:db8::53; search example.org"

    asyncio.run(run())


def test_this_host_serving_needs_forwarders() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Dns, no_color=True) as (pilot, step):
            await pilot.press("end", "enter", "ctrl+n")
            assert pilot.app.screen is step
            assert "Forwarders: missing; write it like 192.0.2.53" in words_of(pilot)
            golden(pilot, "dns-serve-none")
            await type_text(pilot, "192.0.2.1")
            assert not step.problems(given)
        assert Dns.summary(given) == "this host serves DNS, and asks 192.0.2.1"

    asyncio.run(run())


def test_a_wrong_address_is_refused_as_it_is_typed() -> None:
    async def run() -> None:
        given = session(data={"dns": {"mode": "servers"}})
        async with driven(given, Dns) as (pilot, _):
            await pilot.press("tab")
            await type_text(pilot, "192.0.2.300")
            assert "'192.0.2.300' is not an IP address; write it like 192.0.2.53" in words_of(pilot)

    asyncio.run(run())


def test_another_mode_and_back_and_another_visit_lose_nothing() -> None:
    async def run() -> None:
        given = session(data={"dns": {"mode": "servers", "servers": ["192.0.2.53"]}})
        async with driven(given, Dns) as (pilot, _):
            await pilot.press("home", "space")
            assert given.draft.data["dns"] == {"mode": "dhcp"}
        async with driven(given, Dns) as (pilot, _):
            await pilot.press("down", "space")
            assert given.draft.data["dns"] == {"mode": "servers", "servers": ["192.0.2.53"]}
            assert "192.0.2.53" in words_of(pilot)

    asyncio.run(run())


def test_the_servers_can_be_proven_but_not_what_is_wrong() -> None:
    async def run() -> None:
        given = session(data={"dns": {"mode": "servers", "servers": ["x"]}}, rehearsal=True)
        async with driven(given, Dns) as (pilot, step):
            await pilot.press("ctrl+t")
            assert pilot.app.screen is step
            given.draft.set("dns.servers", ["192.0.2.53"])
            await pilot.press("f5")
            assert "A rehearsal asks no network." in words_of(pilot)

    asyncio.run(run())
