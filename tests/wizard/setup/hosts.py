"""A host for the console to show and to change, made of files in a temporary directory; its commands only are remembered."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.given import Recorder
from tests.host.given import installed, says
from tests.wizard.driving import SEED, machine, settle
from xeninstall.base.errors import Error
from xeninstall.host.changes import Changes
from xeninstall.host.state import Guest, State, Store
from xeninstall.host.undo import Pending
from xeninstall.machine.model import Machine
from xeninstall.verbs import setup
from xeninstall.wizard.draft import Draft
from xeninstall.wizard.kit import Target
from xeninstall.wizard.setup.app import SetupConsole
from xeninstall.wizard.setup.session import SetupSession
from xeninstall.wizard.setup.work import RunningHost

SIZE = (80, 24)
TOML = """
[network]
nic = "3c:ec:ef:12:34:56"
[network.ipv4]
method = "static"
address = "192.0.2.10/24"
gateway = "192.0.2.1"
[dns]
mode = "servers"
servers = ["192.0.2.53"]
[host]
name = "xen1"
domain = "example.org"
[time]
zone = "Europe/Berlin"
"""
STATE = State(
    name="xen1",
    addresses=("192.0.2.10/24", "2001:db8::10/64"),
    debian="13.2",
    kernel="6.12.57+deb13-amd64",
    xen="4.20.2",
    cpus=16,
    load=(0.42, 0.3, 0.11),
    memory_mib=65536,
    free_mib=40960,
    dom0_mib=4096,
    dom0_used_mib=1024,
    uptime_seconds=93784.0,
    guests=(Guest("mail", 2048, 2, "b"), Guest("web", 8192, 4, "r")),
    stores=(Store("xenhost/vms", 107374182400, 26843545600),),
    failed=("smartmontools.service",),
    cpu_percent=12,
)


class FakeHost(RunningHost):
    """Reads and plans by the real code; what would be done to the machine is remembered, or fails when told to."""

    def __init__(self, root: Path, state: State = STATE) -> None:
        super().__init__(machine("nvme"), Recorder(says), root)
        self._shown = state
        self.applied: list[tuple[Changes, str]] = []
        self.waiting: Pending | None = None
        self.done: list[str] = []
        self.error: Error | None = None
        self.saves = True
        self.password = "correct horse"

    def state(self) -> State:
        return self._shown

    def apply(self, changes: Changes, draft: Draft, say: Callable[[str], None]) -> bool:
        if self.error is not None:
            raise self.error
        self.applied.append((changes, draft.get("host.name")))
        if changes.cuts:
            self.waiting = Pending(90, changes.topics)
        return changes.cuts

    def has_become(self, machine: Machine) -> None:
        self.done.append("has become")

    def pending(self) -> Pending | None:
        return self.waiting

    def confirm(self) -> None:
        if self.error is not None:
            raise self.error
        self.waiting = None
        self.done.append("confirm")

    def back(self) -> None:
        self.waiting = None
        self.done.append("back")

    def password_is(self, typed: str) -> bool:
        return typed == self.password

    def guests_are_saved(self) -> bool:
        return self.saves

    def leave(self, how: str) -> None:
        self.done.append(how)

    def log(self, name: str) -> str:
        if self.error is not None:
            raise self.error
        return f"{name}: a line\nanother\x1b[2J line\n"

    def gather(self) -> Path:
        return Path("/var/log/xeninstall/logs-20260101-000000.tar.gz")


def console(root: Path, toml: str = TOML, **changes: Any) -> SetupSession:
    """A session on a host that was installed by these answers; `changes` are SetupSession's own fields."""
    installed(root, toml)
    wanted: dict[str, Any] = {
        "machine": machine("nvme"),
        "runner": Recorder(says),
        "image": setup._by_apt(),
        "squashfs": Path("none"),
        "target": Target(),
        "seed": SEED,
        "installed": True,
        "host": FakeHost(root),
    }
    return SetupSession(**(wanted | changes))


def fake(session: SetupSession) -> FakeHost:
    """Its host."""
    assert isinstance(session.host, FakeHost)
    return session.host


def with_state(session: SetupSession, **changes: Any) -> SetupSession:
    """Its host in another state."""
    fake(session)._shown = replace(STATE, **changes)
    return session


@asynccontextmanager
async def shown(session: SetupSession) -> AsyncIterator[Pilot[int]]:
    """The console at 80x24, its first look taken."""
    app = SetupConsole(session)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        await settle(pilot)
        yield pilot
