"""The virtual machine: its name, its processors and its memory."""

import re

from textual.app import ComposeResult
from textual.widgets import Static

from p2v.vm.from_machine import from_machine
from p2v.wizard.looking import answers, found
from xeninstall.base.sizes import format_size
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Field, Session, Step, _, text_or_none, whole_number

_NAME, _VCPUS, _MEMORY = "convert.name", "convert.vcpus", "convert.memory"


class VirtualMachineStep(Step):
    """Name, vCPUs, memory."""

    NAME = "machine"
    OWNS = (_NAME, _VCPUS, _MEMORY)

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Virtual machine")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The name by which the host knows the virtual machine; the system in it keeps its own name. Letters, digits, and "
            ". _ + - within 80 characters.\n\n"
            "Processors and memory are those of this machine unless something else is entered: a number of vCPUs, and memory "
            "such as 4G. Both can be changed on the host at any time."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        wanted = answers(session)
        vm = from_machine(session.machine, "x", ())
        cpus = vm.vcpus if wanted.vcpus == "auto" else wanted.vcpus
        memory = vm.memory_bytes if wanted.memory == "auto" else wanted.memory
        return f"{session.draft.get(_NAME) or ''}; {cpus} vCPUs; {format_size(memory)}"

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        return [
            Problem(one.key, "missing; write a name such as old-server" if one.text.startswith("missing, and flow") else one.text)
            for one in super().problems(session)
        ]

    def body(self) -> ComposeResult:
        """See Step."""
        draft, vm = self.session.draft, from_machine(self.session.machine, "x", ())
        fresh = not draft.given(_NAME)
        if fresh and (name := suggested(self.session)):
            draft.set(_NAME, name)
        yield Static(_("What shall the virtual machine be called, and what shall it have?"), classes="text", markup=False)
        yield Static("")
        yield Field(_("Name"), key=_NAME, value=draft.get(_NAME), fresh=fresh, id="name")
        hint = _("empty: {n}, as this machine").format(n=vm.vcpus)
        yield Field("vCPUs", key=_VCPUS, value=_entered(draft.get(_VCPUS)), parse=whole_number, hint=hint, id="vcpus")
        hint = _("empty: {n}, as this machine").format(n=format_size(vm.memory_bytes))
        yield Field(_("Memory"), key=_MEMORY, value=_memory(draft.get(_MEMORY)), parse=text_or_none, hint=hint, id="memory")
        for remark in vm.remarks:
            yield Static(f"! {remark}", classes="warning", markup=False)


def suggested(session: Session) -> str:
    """What the system found on the disks calls itself, as far as a host takes it for a name."""
    names = [name for disk in found(session).disks.values() for name in disk.hosts]
    return re.sub(r"[^A-Za-z0-9_.+-]", "", names[0])[:80].strip("-.") if names else ""


def _entered(value: object) -> object:
    return None if value == "auto" else value


def _memory(value: object) -> object:
    return None if value == "auto" else format_size(value).replace(" ", "").replace("iB", "") if isinstance(value, int) else value
