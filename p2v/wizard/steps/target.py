"""The target: a folder, a disk that is attached, or a server; tried before one goes on, with the room that it has."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from p2v.answers import disks_under
from p2v.place import folder_of, is_folder
from p2v.target.address import at_place, place_in
from p2v.target.model import Storage, storage_called
from p2v.target.password import Password
from p2v.target.table import TARGETS
from p2v.to_host import HostConversion, conversion_to
from p2v.wizard.looking import answers, found
from xeninstall.answers.model import ImageFormat
from xeninstall.base.errors import Error
from xeninstall.base.sizes import format_size
from xeninstall.wizard import disks
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Changed, Choice, Field, Row, Session, Step, _, said
from xeninstall.wizard.shelf import only

_TARGET, _FORMAT = "convert.target", "convert.format"
_ELSEWHERE = ":elsewhere"
_LIKE = "write it like /mnt/backup, LABEL=BACKUP:/machines, nfs://host/path or ssh://root@host"
_KEY, _IDENTITY = "convert.host_key", "convert.identity"
_NO_PLACE = ("iso9660", "squashfs", "udf")


class TargetPlace(Step):
    """Where the virtual machine goes."""

    NAME = "target"
    OWNS = (_TARGET, _FORMAT, "convert.compress", _KEY, _IDENTITY, "convert.password_file", "convert.ca")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+t", "try_it", show=False, priority=True)]

    @dataclass
    class Tried(Message):
        """What came of it: `room` in words, or the trouble; `then` goes on. A host has storages."""

        target: str
        room: str
        trouble: str
        then: bool
        storages: tuple[Storage, ...] = ()

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Target")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Where the images of the disks and the definition of the virtual machine go. Attached disks with a file system "
            "are listed; they are mounted as long as it takes. One that was attached later is named by its label.\n\n"
            "Elsewhere: a folder of this system (/mnt/backup), a file system by its label (LABEL=BACKUP:/machines), or a "
            "server's by NFS (nfs://server/export/machines). A xeninstall host is ssh://root@xen1, XCP-ng is "
            "xapi://root@xcp1; it stores the disks itself and knows the machine afterwards. When it was tried, its storages "
            "are listed, with the room in each; on thick storage a disk takes its whole size at once. A password goes only to "
            "a host whose key (SHA256:...) is entered, as it prints by: ssh-keygen -lf "
            "/etc/ssh/ssh_host_ed25519_key.pub\n\n"
            "Try it (F5, ^T) makes the folder and looks how much room there is; going on does the same. FAT holds no file "
            "above 4 GiB: use ext4, XFS, NTFS or exFAT."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        target = str(session.draft.get(_TARGET) or "")
        room = found(session).place.get(target, "")
        return f"{target} ({session.draft.get(_FORMAT)})" + (f"; {room}" if room else "")

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        problems = [
            Problem(one.key, f"missing; {_LIKE}") if one.text.startswith("missing, and flow") else one
            for one in super().problems(session)
        ]
        target = str(session.draft.get(_TARGET) or "")
        if not problems and not is_folder(target) and target.partition("://")[0] not in TARGETS:
            problems = [Problem(_TARGET, f"not a place that can be sent to; {_LIKE}")]
        return problems

    def keys(self) -> list[tuple[str, str]]:
        """See Step."""
        return [("F5 ^T", _("Try it"))]

    def body(self) -> ComposeResult:
        """See Step."""
        draft = self.session.draft
        places, target = self._places(), draft.get(_TARGET)
        known = [row.value for row in places]
        chosen = target if target in known else _ELSEWHERE if target or not known else None
        elsewhere = Row(_ELSEWHERE, _("elsewhere: a folder, a label, a server's folder, or a host"))
        yield Choice([*places, elsewhere], chosen=chosen, id="place")
        yield Field(_("Folder or address"), key=_TARGET, value=target, id="target")
        yield Field(_("Key of the host"), key=_KEY, value=draft.get(_KEY), id="host-key")
        yield Field(_("Password"), password=True, hint=_("empty: by a key"), id="password")
        yield Field(_("File of a private key"), key=_IDENTITY, value=draft.get(_IDENTITY), hint=_("may be empty"), id="identity")
        yield Static(_("Storage there"), classes="title", markup=False, id="storage-title")
        yield Choice([], chosen=None, id="storage")
        yield Static("")
        forms = [
            Row(ImageFormat.QCOW2.value, _("qcow2: Xen, KVM; sparse wherever it lies")),
            Row(ImageFormat.RAW.value, _("raw: Xen, KVM; as the disk itself")),
            Row(ImageFormat.VHD.value, _("vhd: XCP-ng, Hyper-V; 2040 GiB at most")),
            Row(ImageFormat.VMDK.value, _("vmdk: VMware, VirtualBox")),
            Row(ImageFormat.OVA.value, _("ova: the whole machine in one file, for most")),
            Row(ImageFormat.XVA.value, _("xva: the whole machine in one file, for XCP-ng")),
        ]
        yield Static(_("Format of the images"), classes="title", markup=False, id="format-title")
        yield Choice(forms, chosen=str(draft.get(_FORMAT)), key=_FORMAT, id="format")
        yield Act(_("Try it"), id="try")

    def on_mount(self) -> None:
        """See Step."""
        self._show()
        super().on_mount()

    def changed(self, event: Changed) -> None:
        """See Step."""
        if event.control.id == "place":
            self.write(_TARGET, None if event.value == _ELSEWHERE else event.value)
            if event.value == _ELSEWHERE:
                self.query_one("#target", Field).fill("")
            self._show()
        elif event.control.id == "storage":
            self.query_one("#target", Field).fill(at_place(str(self.session.draft.get(_TARGET) or ""), str(event.value)))
        elif event.control.id == "password":
            found(self.session).password = Password(str(event.value)) if event.value else None

    def after_change(self, key: str) -> None:
        """See Form."""
        if key == _TARGET:
            self._show()

    def _show(self) -> None:
        target = str(self.session.draft.get(_TARGET) or "")
        self.query_one("#target").display = self.query_one("#place", Choice).chosen == _ELSEWHERE
        host = target.partition("://")[0] in TARGETS
        for name in ("#host-key", "#password", "#identity"):
            self.query_one(name).display = host
        for name in ("#format", "#format-title"):
            self.query_one(name).display = not host
        self._show_storages(target)
        only(self.session, (_KEY, _IDENTITY) if host else (), (_KEY, _IDENTITY))

    def _show_storages(self, target: str) -> None:
        """Those of a host that was tried, where there is a choice."""
        host, asked = _host_of(target)
        known = found(self.session).storages.get(host, ())
        listed = self.query_one("#storage", Choice)
        self.query_one("#storage-title").display = listed.display = len(known) > 1
        own = storage_called(asked, known)
        listed.chosen = _value(own, known) if own is not None else None
        listed.show_rows([Row(_value(one, known), _line(one)) for one in known], at=listed.chosen)

    def _places(self) -> list[Row]:
        """Attached file systems that are neither on a source nor what the medium runs from."""
        session = self.session
        taken, rows = _sources(session), []
        for disk in session.machine.disks:
            if disk.path in taken:
                continue
            for content in disk.contents:
                if content.kind != "filesystem" or content.fstype in _NO_PLACE or not (content.label or content.uuid):
                    continue
                name = f"LABEL={content.label}" if content.label else f"UUID={content.uuid}"
                head = f"{content.path:<14} {format_size(content.size_bytes):>9}  {content.fstype:<8} {content.label}"
                rows.append(Row(f"{name}:/machines", head, (f"{disk.model}, {disk.bus}"[:70],)))
        return rows[:6]

    # ---- trying it

    @on(Act.Pressed, "#try")
    def action_try_it(self) -> None:
        """See whether it is there and can be written to."""
        self._begin(then=False)

    def on_next(self) -> None:
        """See Step."""
        self._begin(then=True)

    def _begin(self, *, then: bool) -> None:
        target = str(self.session.draft.get(_TARGET) or "")
        if self.problems(self.session):
            self.judge_all()
        elif self.session.rehearsal:
            if then:
                self.finish()
            else:
                self.say(_("A rehearsal tries no target."))
        else:
            self.say(_("Trying the target ..."))
            self._try(target, then)

    def judge_all(self) -> None:
        """Say what is wrong, as Next does."""
        self._told = True
        self.judge()

    @work(thread=True, exclusive=True, group="target", exit_on_error=False)
    def _try(self, target: str, then: bool) -> None:
        storages: tuple[Storage, ...] = ()
        try:
            if is_folder(target):
                room, trouble = self._folder_room(target)
            else:
                room, trouble, storages = self._host_room()
        except Error as error:
            room, trouble = "", f"{error.message}; {error.hint}" if error.hint else error.message
        self.post_message(self.Tried(target, room, trouble, then, storages))

    def _folder_room(self, target: str) -> tuple[str, str]:
        session = self.session
        with folder_of(target, session.runner) as folder:
            below = set(disks_under(str(folder), session.machine)) & _sources(session)
            room = _("{size} free").format(size=format_size(shutil.disk_usage(folder).free))
        return room, f"{target} lies on {', '.join(sorted(below))}, which is to be converted; choose another" if below else ""

    def _host_room(self) -> tuple[str, str, tuple[Storage, ...]]:
        """Who answers, and what is free there. Its name is not asked for yet, so any will do."""
        wanted = answers(self.session).model_copy(update={"name": answers(self.session).name or "p2v"})
        job = conversion_to(wanted, self.session.machine, self.session.runner, found(self.session).password)
        assert isinstance(job, HostConversion)
        peer, storages = job.look()
        listed = [f"{one.name}: {format_size(one.free_bytes)}" if one.free_bytes is not None else one.name for one in storages]
        asked, trouble = place_in(str(wanted.target)), ""
        if not storages and peer.modes:
            trouble = "it has no storage; make one there first"
        elif storages and storage_called(asked, storages) is None:
            trouble = f"it has no storage {asked!r}; choose one that it has" if asked else "choose one of its storages"
        return "; ".join([f"{peer.name}, {peer.product}", *listed]), trouble, storages

    @on(Tried)
    def _tried(self, message: Tried) -> None:
        host, asked = _host_of(message.target)
        known = found(self.session).storages
        chooses = len(message.storages) > 1 and not asked and host not in known
        if message.storages:
            known[host] = message.storages
            self._show()
        if message.trouble:
            found(self.session).place.pop(message.target, None)
            self.say(said(message.trouble), wrong=True)
            return
        found(self.session).place[message.target] = message.room
        self.say(f"{message.target}: {message.room}")
        if message.then and chooses:
            self.say(_("It has several storages: choose one, or go on with the usual one."))
            self.query_one("#storage", Choice).focus()
        elif message.then:
            self.finish()


def _sources(session: Session) -> set[str]:
    """The disks that are converted, by path."""
    chosen = session.draft.get("convert.source") or ()
    return {disk.path for one in chosen if (disk := disks.named(one, session.machine)) is not None}


def _host_of(target: str) -> tuple[str, str]:
    """The address of the host itself, and the storage that is asked for; empty for what is no address yet."""
    try:
        return at_place(target), place_in(target)
    except ValueError:
        return "", ""


def _value(storage: Storage, among: Sequence[Storage]) -> str:
    """What an address calls it."""
    alone = [one.name for one in among].count(storage.name) == 1
    return storage.name if alone or not storage.uuid else storage.uuid


def _line(storage: Storage) -> str:
    free = "?" if storage.free_bytes is None else _("{size} free").format(size=format_size(storage.free_bytes))
    thick = _("; thick") if storage.thick else ""
    return f"{storage.name[:28]:<28} {free:>14}  {storage.kind}{_('; the usual one') if storage.default else ''}{thick}"
