"""What is done beside the copy: repairs, what stays behind, the comparison, the trial start."""

from textual.app import ComposeResult
from textual.widgets import Static

from p2v.place import is_folder
from p2v.wizard.looking import found
from xeninstall.wizard.kit import Changed, Check, Field, Session, Step, _, text_or_none
from xeninstall.wizard.shelf import only

_REPAIR, _DROP, _HIBERNATION = "convert.repair", "convert.drop", "convert.drop_hibernation"
_VERIFY, _TRIAL, _LIMIT = "convert.verify", "convert.test_boot", "convert.limit"
_START, _DISCARD = "convert.start", "convert.discard"
_DRIVERS = "convert.drivers"


class Options(Step):
    """Yes or no to each."""

    NAME = "options"
    OWNS = (_REPAIR, _DROP, _HIBERNATION, _DRIVERS, _VERIFY, _TRIAL, "convert.test_marker", _LIMIT, _START, _DISCARD)

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("What is done")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Repairs: the system's initramfs gets the drivers of Xen and KVM, device names become UUIDs, interface names are "
            "tied to MAC addresses, services for hardware that stays behind are switched off; in the image alone, and each "
            "change can be undone there. Without repairs few systems start.\n\n"
            "Drivers for Windows: a folder with unpacked packages, such as virtio-win's for this version, on a stick that is "
            "mounted here; they are installed at the first start. Without them Windows uses emulated disks and cards.\n\n"
            "Page files: what Windows and Linux keep in page and swap files is of no use to the copy.\n\n"
            "Trial start: the virtual machine is started once without a network, on a xeninstall host by Xen, from a folder in "
            "QEMU on this machine; it counts as converted only when it asks for a login. Nothing that it writes is kept. Without "
            "hardware virtualization QEMU takes minutes; of Windows it cannot be told.\n\n"
            "A host refuses a machine of which a stopped conversion left something there: it is gone on with as long as this "
            "system runs, and dropped by the last of these, since after a restart its repairs are gone."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        draft = session.draft
        said = [_("repairs") if draft.get(_REPAIR) else _("no repairs")]
        said += [_("page files stay behind")] if draft.get(_DROP) else []
        said += [_("hibernation is dropped")] if draft.get(_HIBERNATION) else []
        said += [_("comparison")] if draft.get(_VERIFY) else []
        said += [_("trial start")] if draft.get(_TRIAL) else []
        said += [_("started afterwards")] if draft.get(_START) else []
        said += [_("begun anew")] if draft.get(_DISCARD) else []
        limit = draft.get(_LIMIT)
        return ", ".join(said) + (f"; {_('at most')} {limit}/s" if limit else "")

    def body(self) -> ComposeResult:
        """See Step."""
        draft = self.session.draft
        repair, dropped = bool(draft.get(_REPAIR)), bool(draft.get(_DROP))
        yield Check(_("repair the system so that it starts as a virtual machine"), checked=repair, key=_REPAIR, id="repair")
        hibernates = bool(draft.get(_HIBERNATION))
        text = _("also a hibernated Windows: what is open in it is lost, in the image")
        yield Check(text, checked=hibernates, key=_HIBERNATION, id="hibernation")
        folder = next(iter(draft.get(_DRIVERS) or ()), "")
        hint = _("folder with .inf files; may be empty")
        yield Field(_("Drivers for Windows"), key=_DRIVERS, value=folder, parse=_one, hint=hint, id="drivers")
        yield Check(_("leave page and swap files behind"), checked=dropped, id="drop")
        compares, tries = bool(draft.get(_VERIFY)), bool(draft.get(_TRIAL))
        yield Static("")
        yield Check(_("compare the images with what was read, at the end"), checked=compares, key=_VERIFY, id="verify")
        yield Check(_("start the virtual machine for a trial, without a network"), checked=tries, key=_TRIAL, id="trial")
        starts = bool(draft.get(_START))
        yield Check(_("start the virtual machine on the host when it is complete"), checked=starts, key=_START, id="start")
        anew = bool(draft.get(_DISCARD))
        yield Check(_("drop what a stopped conversion of this name left on the host"), checked=anew, key=_DISCARD, id="discard")
        yield Static("")
        hint = _("a second, such as 50M; empty: all there is")
        yield Field(_("Write at most"), key=_LIMIT, value=draft.get(_LIMIT), parse=text_or_none, hint=hint, id="limit")

    def on_mount(self) -> None:
        """See Step."""
        self._show()
        super().on_mount()

    def changed(self, event: Changed) -> None:
        """See Form."""
        if event.control.id == "drop":
            self.write(_DROP, ["page-files"] if event.value else None)

    def after_change(self, key: str) -> None:
        """See Form."""
        if key == _REPAIR:
            if not self.session.draft.get(_REPAIR):
                self.session.draft.set(_HIBERNATION, None)
                self.query_one("#drivers", Field).fill("")
            self._show()
        elif key == _TRIAL and not self.session.draft.get(_TRIAL):
            self.session.draft.set("convert.test_marker", None)

    def _show(self) -> None:
        draft = self.session.draft
        repairs = bool(draft.get(_REPAIR))
        self.query_one("#hibernation").display = repairs
        self.query_one("#drivers").display = repairs and (bool(draft.get(_DRIVERS)) or _has_windows(self.session))
        # Only a host can start the machine for good; for a trial some of them can, too.
        target = str(draft.get("convert.target") or "/")
        host, tries = not is_folder(target), is_folder(target) or target.startswith(("ssh://", "xapi://", "libvirt+ssh://"))
        able = {_START: host, _TRIAL: tries, _DISCARD: target.startswith("ssh://")}
        for key, name in ((_START, "#start"), (_TRIAL, "#trial"), (_DISCARD, "#discard")):
            self.query_one(name).display = able[key]
        only(self.session, tuple(key for key, yes in able.items() if yes), tuple(able))


def _one(text: str) -> object:
    """A list of one, as the answers want it."""
    return [text.strip()] if text.strip() else None


def _has_windows(session: Session) -> bool:
    return any(title.startswith("Windows") for disk in found(session).disks.values() for title in disk.systems)
