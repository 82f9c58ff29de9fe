"""Card, bond, VLAN and MTU: chosen by MAC address, links as they are, a light that blinks, no drawing without a change."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.wizard.driving import Recorder, driven, session, settle, type_text
from tests.wizard.screens import golden, text_of, words_of
from xeninstall.base.run import Completed
from xeninstall.wizard import cards
from xeninstall.wizard.kit import Target
from xeninstall.wizard.steps.network import Network

FIRST, SECOND = "b8:83:03:9f:10:00", "b8:83:03:9f:10:01"


@pytest.fixture(autouse=True)
def sys_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The links of this machine's own cards have no place in a test."""
    monkeypatch.setattr(cards, "SYS", tmp_path)
    for name in ("ens1f0np0", "ens1f1np1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "carrier").write_text("1\n")
        (tmp_path / name / "speed").write_text("25000\n")
    for name in ("ens2f0", "ens2f1", "ens2f2", "ens2f3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "carrier").write_text("0\n")
    return tmp_path


def test_a_card_is_remembered_by_its_mac_address() -> None:
    async def run() -> None:
        given = session("ten-nics", rehearsal=True)
        async with driven(given, Network) as (pilot, _):
            golden(pilot, "network")
            await pilot.press(*["down"] * 5, "space")
            assert given.draft.data["network"] == {"nic": FIRST}
            assert "Mellanox Technologies MT27710" in words_of(pilot)
        assert Network.summary(given) == f"ens1f0np0 ({FIRST})"

    asyncio.run(run())


def test_a_bond_takes_several_and_going_back_to_one_card_loses_neither() -> None:
    async def run() -> None:
        given = session("ten-nics", data={"network": {"nic": FIRST}}, rehearsal=True)
        async with driven(given, Network, no_color=True) as (pilot, step):
            step.query_one("#mode").focus()
            await pilot.press("end", "space", "ctrl+n")
            assert pilot.app.screen is step
            assert "0 in the list are too few; give 2 or more" in words_of(pilot)
            step.query_one("#members").focus()
            await pilot.press(*["down"] * 4, "space", "down", "space")
            bond = {"mode": "802.3ad", "members": [FIRST, SECOND]}
            assert given.draft.data["network"] == {"bond": bond}
            assert not step.problems(given)
            golden(pilot, "network-bond-none")
            assert Network.summary(given) == f"bond 802.3ad: ens1f0np0 ({FIRST}), ens1f1np1 ({SECOND})"
            step.query_one("#mode").focus()
            await pilot.press("home", "space")
            assert given.draft.data["network"] == {"nic": FIRST}
            await pilot.press("end", "space")
            assert given.draft.data["network"] == {"bond": bond}

    asyncio.run(run())


def test_vlan_and_mtu_are_refused_as_they_are_typed() -> None:
    async def run() -> None:
        given = session(rehearsal=True)
        async with driven(given, Network) as (pilot, step):
            step.query_one("#vlan").query_one("Line").focus()
            await type_text(pilot, "4095")
            assert "4095 is too large; the most is 4094" in words_of(pilot)
            await pilot.press("backspace", "tab")
            await type_text(pilot, "9k")
            assert "text where a whole number is wanted; write a number, or nothing" in words_of(pilot)
            golden(pilot, "network-wrong")
            await pilot.press("ctrl+u")
            await type_text(pilot, "9000")
            assert given.draft.data["network"] == {"vlan": 409, "mtu": 9000}
        assert Network.summary(given) == "automatic; VLAN 409; MTU 9000"

    asyncio.run(run())


def test_a_pulled_cable_shows_and_nothing_is_drawn_while_nothing_changes(sys_net: Path) -> None:
    async def run() -> None:
        async with driven(session("ten-nics"), Network) as (pilot, step):
            assert isinstance(step, Network)
            await settle(pilot)
            told: list[object] = []
            step.post_message = told.append  # type: ignore[method-assign,assignment]
            step._watch()
            await settle(pilot)
            assert not [one for one in told if isinstance(one, Network.Links)]
            del step.post_message
            (sys_net / "ens1f0np0" / "carrier").write_text("0\n")
            step._watch()
            await settle(pilot)
            assert next(line for line in text_of(pilot) if "ens1f0np0" in line).split()[3:5] == ["no", "link"]

    asyncio.run(run())


def test_the_medium_sets_its_cards_up_so_that_they_look_for_a_link() -> None:
    async def run() -> None:
        runner = Recorder()
        async with driven(session("ten-nics", runner=runner, on_medium=True), Network) as (pilot, _):
            await settle(pilot)
        assert [command[5:] for command in runner.commands] == [("up",)] * 4
        assert [command[4] for command in runner.commands] == ["eno1", "eno2", "eno3", "eno4"]

    asyncio.run(run())


class Unlit(Recorder):
    """Cards without a light."""

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        super().run(argv, stdin=stdin, check=check, cwd=cwd)
        return Completed(tuple(argv), 1, "", "Cannot identify NIC: Operation not supported\n")


def test_the_card_at_hand_blinks_or_it_is_said_why_not() -> None:
    async def run(runner: Recorder) -> str:
        async with driven(session("ten-nics", runner=runner), Network) as (pilot, _):
            await pilot.press("f5")
            assert "Move to the card that shall blink" in words_of(pilot)
            await pilot.press("down", "ctrl+t")
            await settle(pilot)
            return words_of(pilot)

    lit, unlit = Recorder(), Unlit()
    asyncio.run(run(lit))
    assert lit.commands == [("ethtool", "-p", "eno1", "5")]
    assert "The light of eno1 cannot be made to blink: Cannot identify NIC" in asyncio.run(run(unlit))


def test_without_a_card_the_step_says_what_to_do() -> None:
    async def run() -> None:
        async with driven(session("no-nic"), Network) as (pilot, step):
            assert "This machine shows no network card." in words_of(pilot)
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "add one, or load its driver" in words_of(pilot)

    asyncio.run(run())


def test_a_card_of_an_answer_file_that_is_not_here_stops_here() -> None:
    async def run() -> None:
        given = session(data={"network": {"nic": "eno7"}}, rehearsal=True)
        async with driven(given, Network) as (pilot, step):
            await pilot.press("ctrl+n")
            assert pilot.app.screen is step
            assert "eno7 is not a network card of this machine; choose from: enp65s0f0np0" in words_of(pilot)

    asyncio.run(run())


def test_an_image_may_name_the_cards_of_the_machine_that_it_will_run_on() -> None:
    async def run() -> None:
        given = session(target=Target("/tmp/host.img", 16 * 2**30))
        async with driven(given, Network) as (pilot, _):
            golden(pilot, "network-image")
            await type_text(pilot, "eno1")
            assert given.draft.data["network"] == {"nic": "eno1"}
            assert Network.summary(given) == "eno1"

    asyncio.run(run())
