"""Addresses: refused as typed, kept when the method changes, and proven when asked."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.wizard.driving import driven, session, settle, type_text
from tests.wizard.screens import golden, words_of
from xeninstall.apply.proof.prove import Subject
from xeninstall.apply.proof.results import Result, failed, passed, warned
from xeninstall.base.run import Runner
from xeninstall.wizard import proving
from xeninstall.wizard.kit import Target
from xeninstall.wizard.steps.address import Address


def test_a_static_address_reaches_the_draft() -> None:
    async def run() -> None:
        given = session()
        async with driven(given, Address) as (pilot, _):
            golden(pilot, "address")
            await pilot.press("down", "enter")
            await type_text(pilot, "192.0.2.10/24")
            await pilot.press("down")
            await type_text(pilot, "192.0.2.1")
            assert given.draft.data["network"]["ipv4"] == {
                "method": "static",
                "address": "192.0.2.10/24",
                "gateway": "192.0.2.1",
            }
            golden(pilot, "address-static")
        assert Address.summary(given) == "IPv4 192.0.2.10/24, gateway 192.0.2.1; IPv6 automatic"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "gateway", "said"),
    [
        ("192.0.2.10", "", "'192.0.2.10' lacks the prefix length; write it like 192.0.2.10/24"),
        ("192.0.2.255/24", "", "is the broadcast address of its network"),
        ("192.0.2.10/24", "192.0.3.1", "192.0.3.1 is outside the subnet 192.0.2.0/24"),
        ("", "", "Address with prefix: missing; write it like 192.0.2.10/24"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(address: str, gateway: str, said: str) -> None:
    async def run() -> None:
        given = session(data={"network": {"ipv4": {"method": "static"}}})
        async with driven(given, Address) as (pilot, step):
            await pilot.press("tab")
            await type_text(pilot, address)
            await pilot.press("tab")
            await type_text(pilot, gateway)
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert said in words_of(pilot)

    asyncio.run(run())


def test_no_address_at_all_is_refused() -> None:
    async def run() -> None:
        given = session(data={"network": {"ipv4": {"method": "none"}, "ipv6": {"method": "none"}}})
        async with driven(given, Address, no_color=True) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "nobody could reach the host" in words_of(pilot)
            golden(pilot, "address-nobody-none")

    asyncio.run(run())


def test_dhcp_and_back_and_another_visit_lose_nothing() -> None:
    async def run() -> None:
        ipv4 = {"method": "static", "address": "192.0.2.10/24", "gateway": "192.0.2.1"}
        given = session(data={"network": {"ipv4": dict(ipv4)}})
        async with driven(given, Address) as (pilot, _):
            await pilot.press("home", "space")
            assert given.draft.data["network"]["ipv4"] == {"method": "dhcp"}
        async with driven(given, Address) as (pilot, _):
            await pilot.press("down", "space")
            assert given.draft.data["network"]["ipv4"] == ipv4
            assert "192.0.2.10/24" in words_of(pilot)

    asyncio.run(run())


def test_the_proof_shows_each_result_and_sums_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Subject] = []

    def prove(subject: Subject, runner: Runner) -> Iterator[Result]:
        asked.append(subject)
        yield passed("link", "enp65s0f0np0 has a link")
        yield failed("lease", "no DHCP server answered within 7 s; look at the cable and the VLAN, or give a static address")
        yield warned("router", "no IPv6 router answered; the host will have no IPv6 address beyond its own link")

    monkeypatch.setattr(proving, "prove", prove)

    async def run() -> None:
        async with driven(session(), Address) as (pilot, step):
            await pilot.press("ctrl+t")
            await settle(pilot)
            golden(pilot, "address-proof")
            assert "Something does not work. You can go on all the same." in words_of(pilot)
            await pilot.press("escape")
            assert pilot.app.screen is step

    asyncio.run(run())
    assert asked[0].interfaces == ("enp65s0f0np0",)


def test_closing_the_proof_ends_it_and_lets_it_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def prove(subject: Subject, runner: Runner) -> Iterator[Result]:
        try:
            for _ in range(1000):
                yield passed("link", "eno1 has a link")
        finally:
            ended.append("cleaned up")

    monkeypatch.setattr(proving, "prove", prove)

    async def run() -> None:
        async with driven(session(), Address) as (pilot, _):
            await pilot.press("f5", "enter")
            await settle(pilot)

    asyncio.run(run())
    assert ended == ["cleaned up"]


def test_what_is_wrong_is_not_proven_and_neither_is_a_rehearsal_or_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "prove", lambda *_: pytest.fail("nothing is asked here"))

    async def shown(**changes: object) -> str:
        async with driven(session(**changes), Address) as (pilot, _):  # type: ignore[arg-type]
            await pilot.press("ctrl+t")
            await settle(pilot)
            return words_of(pilot)

    assert "missing; write it like" in asyncio.run(shown(data={"network": {"ipv4": {"method": "static"}}}))
    assert "A rehearsal asks no network." in asyncio.run(shown(rehearsal=True))
    assert "cannot be asked from here" in asyncio.run(shown(target=Target("/tmp/host.img", 16 * 2**30)))
