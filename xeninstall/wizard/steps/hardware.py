"""What the machine is, and whether it can be a Xen host: the verdict in words, what to do about it, and a second look."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from xeninstall.base.errors import Error
from xeninstall.base.sizes import MIB, format_size
from xeninstall.machine.advice import virtualization_remedy, way_to_setup
from xeninstall.machine.model import FirmwareMode, Machine, Verdict
from xeninstall.machine.probe import probe
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Changed, Check, Session, Step, _, counted, plain, said
from xeninstall.wizard.planning import MACHINE, findings

_LABEL_CELLS = 16
_TEXT_CELLS = 60


class Hardware(Step):
    """The hardware check."""

    NAME = "hardware"
    OWNS = ("hardware",)
    AUTO_FOCUS = "Check, #next"

    @dataclass
    class Looked(Message):
        """The machine was looked at again."""

        machine: Machine | None
        trouble: str = ""

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Hardware check")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Xen runs guests in two ways. HVM and PVH guests need the processor's virtualization (Intel VT-x, AMD SVM); "
            "nearly everything needs them, Windows always. Paravirtual (PV) guests run without it, but only old or "
            "specially made Linux systems.\n\n"
            "HAP (EPT, NPT) makes HVM guests fast. The IOMMU (VT-d, AMD-Vi) is needed only to give a guest a real device.\n\n"
            "Most machines that lack virtualization have it switched off in the firmware setup. Switch it on there and start "
            "again; 'Check again' looks anew, for instance after a disk was attached."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        verdict = session.machine.cpu.virtualization.verdict
        if session.onto_image:
            return _("an image file: the machine that it will run on is not known")
        accepted = "" if session.draft.get("hardware.require_virtualization") else f"; {_('accepted: paravirtual guests only')}"
        return f"{_('Virtualization')}: {_verdicts()[verdict]}{accepted if verdict is not Verdict.USABLE else ''}"

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        found = super().problems(session)
        if session.onto_image:
            return found
        verdict, draft = session.machine.cpu.virtualization.verdict, session.draft
        without = verdict in (Verdict.DISABLED_IN_FIRMWARE, Verdict.UNSUPPORTED)
        if without and draft.get("hardware.require_virtualization"):
            found.append(
                Problem("hardware", "this processor's virtualization cannot be used; mend that, or mark 'Go on without it'")
            )
        if session.machine.firmware.secure_boot and not draft.get("hardware.accept_secure_boot"):
            found.append(Problem("hardware", "Secure Boot is enforced; switch it off and check again, or mark 'Go on'"))
        # What no mark here helps against, such as too little memory.
        return found + [one for one in findings(session) if one.key == MACHINE]

    def body(self) -> ComposeResult:
        """See Step."""
        for line in _lines(self.session.machine):
            yield Static(line[1], classes=line[0], markup=False)
        machine, draft = self.session.machine, self.session.draft
        if self.session.onto_image:
            text = _("The host goes into an image file, so this machine's hardware does not decide.")
            yield Static(text, classes="text gap", markup=False)
            return
        if machine.cpu.virtualization.verdict in (Verdict.DISABLED_IN_FIRMWARE, Verdict.UNSUPPORTED):
            text = _("Go on without it: only paravirtual guests will run here")
            yield Check(text, checked=not draft.get("hardware.require_virtualization"), id="without")
        if machine.firmware.secure_boot:
            text = _("Go on: I will switch Secure Boot off before the host starts")
            yield Check(text, checked=bool(draft.get("hardware.accept_secure_boot")), key="hardware.accept_secure_boot")
        if not self.session.rehearsal:
            yield Static("", markup=False)
            yield Act(_("Check again"), id="again")

    def changed(self, event: Changed) -> None:
        """See Step."""
        if event.control.id == "without":
            self.write("hardware.require_virtualization", False if event.value else None)

    @on(Act.Pressed, "#again")
    def _again(self) -> None:
        self.say(_("Looking at the machine ..."))
        self._look()

    @work(thread=True, exclusive=True, group="probe", exit_on_error=False)
    def _look(self) -> None:
        try:
            self.post_message(self.Looked(probe(self.session.runner)))
        except Error as error:
            self.post_message(self.Looked(None, error.message))

    @on(Looked)
    def _looked(self, message: Looked) -> None:
        if message.machine is None:
            self.say(message.trouble, wrong=True)
        else:
            self.session.machine = message.machine
            self.post_message(self.Redraw(self))


def _verdicts() -> dict[Verdict, str]:
    return {
        Verdict.USABLE: _("ready"),
        Verdict.DISABLED_IN_FIRMWARE: _("SWITCHED OFF in the firmware"),
        Verdict.UNSUPPORTED: _("NOT SUPPORTED by this processor"),
        Verdict.UNKNOWN: _("could not be found out"),
    }


def _lines(machine: Machine) -> Iterator[tuple[str, str]]:
    """Class and text of each line; at most 14."""
    firmware, cpu = machine.firmware, machine.cpu
    virtualization = cpu.virtualization
    name = f"{firmware.system_vendor} {firmware.system_product}".strip() or _("unknown maker")
    yield from _line(_("Machine"), name)
    sockets, cores = counted("{n} socket", "{n} sockets", cpu.sockets), counted("{n} core", "{n} cores", cpu.cores)
    yield from _line(_("Processor"), f"{cpu.model}; {sockets}, {cores}, {counted('{n} thread', '{n} threads', cpu.threads)}")
    technology = f" ({virtualization.technology})" if virtualization.technology else ""
    ready = virtualization.verdict is Verdict.USABLE
    yield from _line(_("Virtualization"), _verdicts()[virtualization.verdict] + technology, "text" if ready else "warning")
    if not ready:
        yield from _line("", said(virtualization_remedy(machine)))
    yes_no = {True: _("yes"), False: _("no"), None: _("unknown")}
    yield from _line("", f"HAP: {yes_no[virtualization.hap]}; IOMMU: {yes_no[virtualization.iommu]}")
    yield from _line(_("Memory"), format_size(machine.memory_bytes // MIB * MIB))
    if firmware.mode is FirmwareMode.BIOS:
        yield from _line(_("Firmware"), "BIOS")
    else:
        secure = {True: _("ENFORCED"), False: _("off"), None: _("unknown")}[firmware.secure_boot]
        yield from _line(_("Firmware"), f"UEFI, Secure Boot: {secure}", "warning" if firmware.secure_boot else "text")
        if firmware.secure_boot:
            text = _("Xen cannot start under it. Switch it off in the firmware setup: {way}.")
            yield from _line("", text.format(way=said(way_to_setup(firmware))))
    usable = sum(disk.usable for disk in machine.disks)
    disks = counted("{n} disk", "{n} disks", len(machine.disks)) if machine.disks else _("none found")
    yield from _line(_("Disks"), disks + (f", {_('{n} usable').format(n=usable)}" if machine.disks else ""))
    for controller in machine.controllers:
        if controller.advice:
            yield from _line("", said(controller.advice), "warning")
    linked = sum(bool(nic.link) for nic in machine.nics)
    nics = counted("{n} network card", "{n} network cards", len(machine.nics)) if machine.nics else _("none found")
    yield from _line(_("Network"), nics + (f", {_('{n} with a link').format(n=linked)}" if machine.nics else ""))


def _line(label: str, text: str, look: str = "text") -> Iterator[tuple[str, str]]:
    lines = textwrap.wrap(plain(text), _TEXT_CELLS) or [""]
    yield look, "\n".join(f"{label if number == 0 else '':<{_LABEL_CELLS}}{line}" for number, line in enumerate(lines))
