"""What a bootstrap will do, as a value: stages of actions over the running system, each with the difference that it makes."""

import hashlib
from typing import Annotated, Literal

from pydantic import Field, field_serializer

from xeninstall.plan.model import MakeLink, Part, Remove, RunHook, SetRootPassword, WriteFile

from .uplink import Uplink

FileChange = WriteFile | MakeLink | Remove


class InstallDebs(Part):
    """Have apt install packages; `lines` say what else it will install, upgrade or remove for them."""

    do: Literal["install-debs"] = "install-debs"
    names: tuple[str, ...]
    lines: tuple[str, ...]


class Command(Part):
    """Run a program when one of the files that it reads was changed in this stage; without `reads` when anything was."""

    do: Literal["command"] = "command"
    argv: tuple[str, ...]
    why: str
    reads: tuple[str, ...] = ()


class TryNetwork(Part):
    """Change the network's files, and put them back unless the change is confirmed in time."""

    do: Literal["try-network"] = "try-network"
    files: tuple[Annotated[FileChange, Field(discriminator="do")], ...]
    switch: str  # the shell script that makes the running network follow the files
    undo: tuple[str, ...]  # the shell lines that make it follow the old ones
    undo_at_boot: tuple[str, ...]  # the same for a start in which nothing of the network runs yet
    gateway: str  # who has to answer on the bridge; empty when that shows only then
    addresses: tuple[str, ...]  # without prefix, that have to be there; empty when a lease gives them
    leased: bool  # an IPv4 address has to come by DHCP
    kept: Uplink | None


class BootXenOnce(Part):
    """Make Xen the next boot's entry, and Linux the one of every boot until Xen was seen."""

    do: Literal["boot-xen-once"] = "boot-xen-once"
    xen: str
    linux: str


class KeepAnswers(Part):
    """Leave the replayable answer file on the host, without secrets."""

    do: Literal["keep-answers"] = "keep-answers"
    text: str

    @field_serializer("text", when_used="json")
    def _hidden(self, _text: str) -> str:
        return "**********"


BootstrapAction = Annotated[
    WriteFile | MakeLink | Remove | SetRootPassword | RunHook | InstallDebs | Command | TryNetwork | BootXenOnce | KeepAnswers,
    Field(discriminator="do"),
]


class BootstrapStage(Part):
    """A named group of actions; an empty one has nothing left to do."""

    name: str
    title: str
    actions: tuple[BootstrapAction, ...]


class BootstrapPlan(Part):
    """Everything that is still to do on this system. `diffs` are unified, by path; secrets are left out."""

    format: Literal[1] = 1
    title: str
    answers: str  # digest of the answers
    warnings: tuple[str, ...]
    facts: dict[str, str]
    stages: tuple[BootstrapStage, ...]
    diffs: dict[str, str]
    reboot_needed: bool  # everything is in place, and Xen does not run yet

    @property
    def empty(self) -> bool:
        """Nothing is left to do."""
        return not any(stage.actions for stage in self.stages)


def answers_digest(dumped: str) -> str:
    """Names an answer file by what it says, its secrets apart."""
    return hashlib.sha256(dumped.encode()).hexdigest()
