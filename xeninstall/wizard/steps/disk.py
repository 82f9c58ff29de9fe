"""Which disks the host takes, and how VM disks are kept. Nothing is chosen beforehand: a disk is lost only on purpose."""

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from xeninstall.base.sizes import format_size
from xeninstall.machine.model import Disk as FoundDisk
from xeninstall.wizard import disks
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Changed, Check, Choice, Picks, Row, Session, Sheet, Step, _, counted, said
from xeninstall.wizard.kit.field import Field, Parse, text_or_none, whole_number
from xeninstall.wizard.planning import findings, room_problems

_SELECTORS = ("serial", "wwn", "path", "match")
_NO_MIRROR = ":none"


class Disk(Step):
    """The system disk, its partner, further disks, and the kind of VM storage."""

    NAME = "disk"
    OWNS = ("disk", "storage", "xen")
    AUTO_FOCUS = "#disks, #storage"

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Disk")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "The host takes the whole disk; everything on it is destroyed, but only after the review has said what that is "
            "and you have typed a word there. Disks are remembered by serial number, never by a name such as sda.\n\n"
            "Mirror: a second disk is kept identical, and the host starts from either.\n\n"
            "Thin storage (LVM) gives VM disks room as they fill and makes snapshots quick; take it when in doubt. Files on "
            "ext4 are simpler to copy by hand. Further disks add room to thin storage.\n\n"
            "The system takes 8 GiB, 16 GiB on disks of 64 GiB and more, and twice that from 32 GiB on: the second slot is "
            "for upgrades that can be taken back. An unusable disk says why."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        draft = session.draft
        if session.onto_image:
            where = f"{session.target.path}, {format_size(session.target.size_bytes)}"
        else:
            found = disks.named(draft.get("disk"), session.machine)
            where = (
                f"{found.path}, {said(found.identity)}, {format_size(found.size_bytes)}" if found else _by_rule(draft.get("disk"))
            )
        mirror = disks.named(draft.get("disk.mirror"), session.machine)
        extras = len(draft.get("storage.extra_disks") or [])
        kind = _("thin storage") if draft.get("storage.type") == "thin" else _("storage in files")
        return "; ".join(
            [where]
            + ([_("mirror on {disk}").format(disk=f"{mirror.path}, {said(mirror.identity)}")] if mirror else [])
            + ([counted("{n} further disk", "{n} further disks", extras)] if extras else [])
            + [kind]
        )

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        found = super().problems(session)
        target = session.target
        if target.exists and not session.draft.get("disk.erase"):
            found.append(Problem("disk.erase", f"{target.path} exists; allow to overwrite it, or leave and name another file"))
        if not session.onto_image and not _is_chosen(session):
            return [*found, Problem("disk", _nothing_chosen(session))]
        found += [one for one in findings(session) if one.within("disk") or one.within("storage") or one.within("xen")]
        return found or room_problems(session)

    def body(self) -> ComposeResult:
        """See Step."""
        session, draft = self.session, self.session.draft
        if session.onto_image:
            size = format_size(session.target.size_bytes)
            text = _("The host goes into the image file {path} ({size}).").format(path=session.target.path, size=size)
            yield Static(text, classes="text", markup=False)
            if session.target.exists:
                text = _("Overwrite the file that is there")
                yield Check(text, checked=bool(draft.get("disk.erase")), key="disk.erase", id="overwrite")
        elif not session.machine.disks:
            yield Static(_("This machine shows no disks."), classes="warning", markup=False)
            yield Static(_("Attach one, or load the driver of its controller; then check the hardware again."), markup=False)
        else:
            yield Static(_("Everything on the chosen disk is destroyed, after the review has asked."), markup=False)
            yield Choice(self._disk_rows(), chosen=self._path_of(draft.get("disk")), id="disks")
        yield Static(_("VM storage"), classes="title gap", markup=False)
        yield Choice(
            [
                Row("thin", _("thin: an LVM thin pool, with snapshots")),
                Row("files", _("files: image files on ext4")),
            ],
            chosen=draft.get("storage.type"),
            key="storage.type",
            id="storage",
        )
        yield Static(self._others(), id="others", classes="text", markup=False)
        with Horizontal(classes="line"):
            if not session.onto_image:
                yield Act(_("Mirror"), id="mirror")
                yield Act(_("Further disks"), id="extras")
            yield Act(_("Advanced"), id="advanced")

    def changed(self, event: Changed) -> None:
        """See Step."""
        if event.control.id == "disks":
            found = next(disk for disk in self.session.machine.disks if disk.path == event.value)
            _choose(self.session, found)
            self._show_others()

    def after_change(self, key: str) -> None:
        """See Step."""
        if key == "storage.type" and self.session.draft.get(key) == "files":
            self.session.draft.set("storage.extra_disks", None)
        self._show_others()

    def go_to(self, problems: list[Problem]) -> None:
        """See Step. What is wrong in a sheet is mended there, where its field is."""
        if any(one.within(key) for one in problems for key in _Advanced.OWNS):
            self._advanced()
        else:
            super().go_to(problems)

    def _disk_rows(self) -> list[Row]:
        return disks.rows(disks.choosable(self.session.machine), {})

    def _path_of(self, answer: Any) -> str | None:  # noqa: ANN401 — what the draft holds
        found = disks.named(answer, self.session.machine)
        return found.path if found else None

    def _others(self) -> str:
        draft = self.session.draft
        mirror = self._path_of(draft.get("disk.mirror")) or _("off")
        extras = [self._path_of(one) or "?" for one in draft.get("storage.extra_disks") or []]
        line = _("Mirror: {mirror}   Further disks: {extras}   System size: {size}")
        shown = ", ".join(extras[:3]) + (" ..." if len(extras) > 3 else "")
        if self.session.onto_image:
            return _("System size: {size}").format(size=_size(draft.get("disk.system_size")))
        return line.format(mirror=mirror, extras=shown or _("none"), size=_size(draft.get("disk.system_size")))

    def _show_others(self) -> None:
        self.query_one("#others", Static).update(self._others())

    @on(Act.Pressed, "#mirror")
    def _mirror(self) -> None:
        self.app.push_screen(_Mirror(self.session), self._sheet_closed)

    @on(Act.Pressed, "#extras")
    def _extras(self) -> None:
        self.app.push_screen(_Extras(self.session), self._sheet_closed)

    @on(Act.Pressed, "#advanced")
    def _advanced(self) -> None:
        self.app.push_screen(_Advanced(self.session), self._sheet_closed)

    def _sheet_closed(self, _nothing: None) -> None:
        self._show_others()
        self.judge()


class _Mirror(Sheet):
    OWNS = ("disk.mirror",)

    def heading(self) -> str:
        return _("Mirror partner")

    def body(self) -> ComposeResult:
        machine = self.session.machine
        taken = _taken(self.session, "disk", "storage.extra_disks")
        chosen = disks.named(self.session.draft.get("disk.mirror"), machine)
        none = Row(_NO_MIRROR, _("no mirror"))
        rows = [none, *disks.rows(disks.choosable(machine), taken)]
        yield Choice(rows, chosen=chosen.path if chosen else _NO_MIRROR, id="partners")

    def changed(self, event: Changed) -> None:
        found = next((disk for disk in self.session.machine.disks if disk.path == event.value), None)
        self.session.draft.set("disk.mirror", disks.selector(found, self.session.machine) if found else None)


class _Extras(Sheet):
    OWNS = ("storage.extra_disks",)

    def heading(self) -> str:
        return _("Further disks for VM storage")

    def body(self) -> ComposeResult:
        machine, draft = self.session.machine, self.session.draft
        if draft.get("storage.type") != "thin":
            yield Static(_("Further disks need thin storage."), markup=False)
            return
        found = [disks.named(one, machine) for one in draft.get("storage.extra_disks") or []]
        rows = disks.rows(disks.choosable(machine), _taken(self.session, "disk", "disk.mirror"))
        yield Picks(rows, marked=[disk.path for disk in found if disk], id="further")

    def changed(self, event: Changed) -> None:
        machine = self.session.machine
        marked = [disk for disk in machine.disks if isinstance(event.value, list) and disk.path in event.value]
        # Marking one is the deliberate act; the review names it once more and asks for the word.
        answer = [disks.selector(disk, machine) | {"erase": True} for disk in marked]
        self.session.draft.set("storage.extra_disks", answer or None)


class _Advanced(Sheet):
    OWNS = ("disk.system_size", "xen")

    def heading(self) -> str:
        return _("Advanced sizes")

    def body(self) -> ComposeResult:
        draft = self.session.draft
        size, memory = draft.get("disk.system_size"), draft.get("xen.dom0_memory")
        yield Static(_("Leave these as they are unless you know better."), markup=False)
        yield Field(_("System slot"), key="disk.system_size", value=_size(size) if size else "", hint=_("such as 16G"))
        memory_hint, vcpus_hint = _("auto, or such as 2G"), _("auto, or a number")
        yield self._fresh(_("dom0 memory"), "xen.dom0_memory", _size(memory), text_or_none, memory_hint)
        yield self._fresh(_("dom0 vCPUs"), "xen.dom0_vcpus", draft.get("xen.dom0_vcpus"), whole_number, vcpus_hint)

    def _fresh(self, label: str, key: str, value: object, parse: Parse, hint: str) -> Field:
        return Field(label, key=key, value=value, parse=parse, hint=hint, fresh=not self.session.draft.given(key))


def _choose(session: Session, found: FoundDisk) -> None:
    draft = session.draft
    for key in _SELECTORS:
        draft.set(f"disk.{key}", None)
    for key, value in disks.selector(found, session.machine).items():
        draft.set(f"disk.{key}", value)
    # Choosing it is the deliberate act; the review names it once more and asks for the word.
    draft.set("disk.erase", True)
    if disks.named(draft.get("disk.mirror"), session.machine) == found:
        draft.set("disk.mirror", None)
    extras = draft.get("storage.extra_disks") or []
    draft.set("storage.extra_disks", [one for one in extras if disks.named(one, session.machine) != found] or None)


def _is_chosen(session: Session) -> bool:
    return any(session.draft.get(f"disk.{key}") for key in _SELECTORS) or session.draft.given("disk.match")


def _nothing_chosen(session: Session) -> str:
    if not session.machine.disks:
        return "the machine shows no disks; attach one, or load the driver of its controller"
    if not any(disk.usable for disk in session.machine.disks):
        return "none of this machine's disks can be used; attach another one, or do what stands at them"
    return "no disk is chosen yet; choose one with the arrow keys and Enter"


def _taken(session: Session, *keys: str) -> dict[str, str]:
    out = {}
    for key in keys:
        answer = session.draft.get(key)
        for one in answer if isinstance(answer, list) else [answer]:
            if found := disks.named(one, session.machine):
                out[found.path] = {
                    "disk": _("it is the system disk"),
                    "disk.mirror": _("it is the mirror partner"),
                }.get(key, _("it is a further disk for VM storage"))
    return out


def _by_rule(answer: Any) -> str:  # noqa: ANN401 — what the draft holds
    return _("the disk that the match rule finds") if isinstance(answer, dict) and "match" in answer else _("no disk chosen")


def _size(value: object) -> str:
    """As typed, or as people write it."""
    if isinstance(value, int):
        return format_size(value).replace(" ", "").replace("iB", "")
    return str(value or "auto")
