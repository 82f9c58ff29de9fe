"""The host's packs, and one more by the wizard's own steps: it is the host's at once, and in its answer file."""

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.packs import given as packs
from tests.wizard.driving import machine, press_act, settle
from tests.wizard.screens import golden, words_of
from tests.wizard.setup.hosts import console, fake, shown
from tests.wizard.setup.test_applying import fill, go
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit
from xeninstall.host import packs as host_packs
from xeninstall.packs.load import Loaded, System
from xeninstall.packs.model import Pack
from xeninstall.packs.places import kept, places
from xeninstall.wizard.kit import Ask
from xeninstall.wizard.kit.language import switch
from xeninstall.wizard.setup.packs import HostLoader, HostLoadPack, HostPacks
from xeninstall.wizard.setup.session import SetupSession
from xeninstall.wizard.setup.status import Status
from xeninstall.wizard.steps import load_pack
from xeninstall.wizard.steps.packages import Packages

KERNEL = machine("nvme").kernel.release


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's part, and the look at what it has found."""

    def load(pack: Pack, runner: object, emit: Emit, system: System) -> Loaded:
        for path, to in places(pack.manifest).items():
            system.at(to).parent.mkdir(parents=True, exist_ok=True)
            system.at(to).write_bytes((pack.place / path).read_bytes())
        home = system.at(kept(pack.manifest))
        home.mkdir(parents=True, exist_ok=True)
        (home / "pack.toml").write_bytes((pack.place / "pack.toml").read_bytes())
        return Loaded(pack, ("raid",), ("sdb",), ())

    monkeypatch.setattr(host_packs, "load", load)
    monkeypatch.setattr(load_pack, "probe", lambda runner: machine("bios-two-disks"))


def given(root: Path) -> SetupSession:
    """A host without packs, and a stick's folder with one."""
    (root / "host").mkdir()
    made = console(root / "host")
    made.loader = HostLoader(packs.RUNNER, KERNEL, fake(made).add_pack, root / "queue")
    return made


def stick(place: Path, version: str = "1.2", kernel: str = KERNEL) -> str:
    files = packs.FILES | {"modules/raid.ko": packs.module(kernel)}
    return str(packs.folder(place, files, packs.manifest(files, version=version, kernel=kernel).text()))


async def to_pack(pilot: Pilot[int], source: str) -> None:
    """From the status screen to the pack that is named."""
    await go(pilot, "6")
    await press_act(pilot, "packs")
    await settle(pilot)
    assert isinstance(pilot.app.screen, HostPacks)
    await go(pilot, "ctrl+n")
    fill(pilot, "source", source)
    await settle(pilot)
    await go(pilot, "ctrl+n")


def test_a_pack_becomes_the_hosts_and_stands_in_its_answer_file(tmp_path: Path) -> None:
    async def run() -> None:
        one = given(tmp_path)
        async with shown(one) as pilot:
            await go(pilot, "6")
            golden(pilot, "setup/packages-packs")
            await press_act(pilot, "packs")
            await settle(pilot)
            golden(pilot, "setup/packs-none")
            await go(pilot, "ctrl+n")
            assert "No pack was found." in words_of(pilot)
            fill(pilot, "source", stick(tmp_path / "stick"))
            await settle(pilot)
            await go(pilot, "ctrl+n")
            assert isinstance(pilot.app.screen, HostLoadPack)
            await go(pilot, "ctrl+n")
            assert isinstance(pilot.app.screen, Ask), "nobody vouches for it"
            await go(pilot, "tab", "enter")
            golden(pilot, "setup/packs-loaded")
            assert fake(one).done == ["has become"] and one.machine == machine("bios-two-disks")
            await go(pilot, "enter")
            assert isinstance(pilot.app.screen, Status)
        answers = (tmp_path / "host/etc/xeninstall/answers.toml").read_text()
        assert "[[packs]]" in answers and "allow_unsigned = true" in answers and 'name = "xen1"' in answers
        assert not one.current.drift
        ran = one.host._runner.ran
        assert ran[-1] == ("update-initramfs", "-u", "-k", "all")

    asyncio.run(run())


def test_packs_of_the_host_say_whether_they_fit_its_kernel(tmp_path: Path) -> None:
    async def run() -> None:
        one = given(tmp_path)
        home = tmp_path / "host/var/lib/xeninstall/packs"
        for name, kernel in (("acme-raid", KERNEL), ("old-net", "6.1.0-1-amd64")):
            (home / name).mkdir(parents=True)
            (home / name / "pack.toml").write_text(packs.manifest(name=name, kernel=kernel).text())
            (home / name / "record.toml").write_text('signed_by = "Acme packs (SHA256:x)"\n')
        (home / "broken").mkdir()
        (home / "broken/pack.toml").write_text("?")
        async with shown(one) as pilot:
            await go(pilot, "6")
            await press_act(pilot, "packs")
            await settle(pilot)
            golden(pilot, "setup/packs")
            pilot.app.screen.query_one("#packs").focus()
            await go(pilot, "enter")
            golden(pilot, "setup/packs-one")

    asyncio.run(run())


def test_a_failure_is_said_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(pack: Pack, runner: object, emit: Emit, system: System) -> Loaded:
        raise Error("the module raid cannot be loaded: no", hint="see dmesg for what the kernel says")

    async def run() -> str:
        monkeypatch.setattr(host_packs, "load", fails)
        one = given(tmp_path)
        async with shown(one) as pilot:
            await to_pack(pilot, stick(tmp_path / "stick"))
            await go(pilot, "ctrl+n", "tab", "enter")
            assert not one.current.packs
            return words_of(pilot)

    assert "the module raid cannot be loaded: no; see dmesg for what the kernel says" in asyncio.run(run())


def test_a_driver_for_another_kernel_is_refused(tmp_path: Path) -> None:
    async def run() -> str:
        one = given(tmp_path)
        async with shown(one) as pilot:
            await to_pack(pilot, stick(tmp_path / "stick", kernel="6.1.0-1-amd64"))
            await go(pilot, "ctrl+n")
            assert isinstance(pilot.app.screen, HostLoadPack) and not one.current.packs
            return words_of(pilot)

    assert "its modules are for another kernel than" in asyncio.run(run())


def test_marks_that_are_not_applied_are_not_lost_on_the_way_to_the_packs(tmp_path: Path) -> None:
    async def run() -> None:
        one = given(tmp_path)
        async with shown(one) as pilot:
            await go(pilot, "6", "end", "space")
            await press_act(pilot, "packs")
            await settle(pilot)
            assert isinstance(pilot.app.screen, Packages) and one.draft.get("packages.sets") == ["base", "monitoring"]
            assert "First apply the sets that are marked, or take their marks away." in words_of(pilot)

    asyncio.run(run())


def test_in_german_too(tmp_path: Path) -> None:
    async def run() -> None:
        switch("de")
        one = given(tmp_path)
        async with shown(one) as pilot:
            await to_pack(pilot, stick(tmp_path / "stick"))
            await go(pilot, "ctrl+n", "tab", "enter")
            golden(pilot, "setup/packs-loaded-german")

    asyncio.run(run())
