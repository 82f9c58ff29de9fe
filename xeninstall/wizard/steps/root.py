"""How root logs in: a password, of which only the hash leaves this screen, and SSH keys."""

from dataclasses import dataclass, field

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from xeninstall.answers.passwords import PasswordError, hash_password, password_of
from xeninstall.base.errors import Error
from xeninstall.wizard import ssh_keys
from xeninstall.wizard.draft import Problem
from xeninstall.wizard.kit import Act, Changed, Field, Picks, Row, Session, Step, _, counted, said
from xeninstall.wizard.strength import Strength, strength

_HASH, _KEYS = "root.password_hash", "root.ssh_keys"
_STATE = "root.password"  # on the shelf: what is wrong with the password being typed; never the password


class Root(Step):
    """Password and keys."""

    NAME = "root"
    OWNS = ("root",)

    @dataclass
    class Hashed(Message):
        """A password became a hash."""

        turn: int
        hash: str = field(repr=False)
        trouble: str = ""

    @dataclass
    class Fetched(Message):
        """Keys came, or did not."""

        keys: tuple[str, ...]
        trouble: str = ""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._turn = 0  # of hashing: a late hash of what was typed before counts no more
        self._hashing = self._going_on = False

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Root password and SSH keys")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "root is the host's administrator, on the console and over SSH. Give a password, SSH keys, or both. With keys only, "
            "nobody can log in on the console.\n\n"
            "The password needs 8 characters; length makes it strong: four unrelated words beat eight odd characters. Mind the "
            "keyboard layout. Only its hash is kept, and it is in no log and no answer file.\n\n"
            "SSH key: paste the one line of a .pub file, or name a file (/media/usb/id.pub) or an https address with keys; "
            "then press Enter on 'Add'. Compare the fingerprint with `ssh-keygen -l`. Space takes a key out again."
        )

    @classmethod
    def summary(cls, session: Session) -> str:
        """See Step."""
        keys = session.draft.get(_KEYS)
        number = len(keys) if isinstance(keys, list | tuple) else 0
        word = _("a password") if _has_password(session) else _("no password")
        return word + (", " + counted("{n} SSH key", "{n} SSH keys", number) if number else "")

    @classmethod
    def problems(cls, session: Session) -> list[Problem]:
        """See Step."""
        typed = session.shelf.get(_STATE)
        if typed is not None:
            return [Problem(_STATE, str(typed))] if typed else []
        found = super().problems(session)
        return [
            Problem("root", "nobody could log in; give a password or an SSH key") if one.key == "root" else one for one in found
        ]

    def body(self) -> ComposeResult:
        """See Step."""
        self.session.shelf.pop(_STATE, None)
        yield Field(_("Password"), key="", password=True, id="password")
        yield Field(_("The same again"), key="", password=True, id="again")
        yield Static(self._password_state(), id="strength", classes="text", markup=False)
        yield Static(_("SSH keys that may log in as root"), classes="title gap", markup=False)
        yield Picks(self._key_rows(), marked=self._keys(), id="keys")
        yield Field(_("Key, file or https://"), id="key")
        yield Act(_("Add"), id="add")

    def on_mount(self) -> None:
        """See Step."""
        self.query_one("#keys").display = bool(self._keys())
        super().on_mount()

    def on_unmount(self) -> None:
        """What was half typed goes with the screen; the draft has a password or has none."""
        self.session.shelf.pop(_STATE, None)

    def changed(self, event: Changed) -> None:
        """See Step."""
        match event.control.id:
            case "password" | "again":
                self._typed()
            case "keys":
                self.write(_KEYS, event.value or None)
                self._show_keys()
            case _:
                trouble = bool(self._key_trouble())
                self.query_one("#key", Field).show_wrong(trouble)
                self.judge()

    # ---- password

    def _typed(self) -> None:
        first, again = (self.query_one(f"#{name}", Field).line.value for name in ("password", "again"))
        self._turn += 1
        self._hashing = False
        self.session.draft.set(_HASH, None)
        self.session.draft.set("root.password_file", None)
        self.session.draft.set("root.password_stdin", None)
        if not first and not again:
            self.session.shelf.pop(_STATE, None)
        else:
            self.session.shelf[_STATE] = _trouble(first, again)
            if not self.session.shelf[_STATE]:
                self._hashing = True
                self._hash(self._turn, first.encode())
        self.query_one("#strength", Static).update(_strength(first) if first else self._password_state())
        self.judge()

    def judge(self) -> None:
        """See Step. Password and key are no answers yet, so the step itself refuses them as they are typed."""
        super().judge()
        if self._told or not self.is_mounted:
            return
        troubles = [self._password_trouble(), self._key_trouble()]
        key_at_hand = any(field.line.has_focus for field in self.query("#key").results(Field))
        text = next((one for one in (reversed(troubles) if key_at_hand else troubles) if one), "")
        if text:
            self.say(said(text), wrong=True)

    def _password_trouble(self) -> str:
        first, again = (self.query_one(f"#{name}", Field).line.value for name in ("password", "again"))
        if not first and not again:
            return ""
        # On the way to the same again, its beginning is no mistake yet.
        return _trouble(first, first if first.startswith(again) else again)

    @work(thread=True, exclusive=True, group="password", exit_on_error=False)
    def _hash(self, turn: int, password: bytes) -> None:
        try:
            self.post_message(self.Hashed(turn, hash_password(password)))
        except Error as error:
            self.post_message(self.Hashed(turn, "", f"{error.message}; {error.hint}"))

    @on(Hashed)
    def _hashed(self, message: Hashed) -> None:
        if message.turn != self._turn:
            return
        self._hashing = False
        if message.trouble:
            self.session.shelf[_STATE] = message.trouble
        else:
            self.session.shelf.pop(_STATE, None)
            self.session.draft.set(_HASH, message.hash)
        self.judge()
        if self._going_on:
            self._going_on = False
            self.action_next()

    def on_next(self) -> None:
        """The hash may still be under way: a tenth of a second."""
        if self._hashing:
            self._going_on = True
        elif self.query_one("#key", Field).line.value.strip():
            self.say(_("A key is typed and not added: press Enter on 'Add', or empty its line."))
            self.query_one("#add").focus()
        else:
            self.finish()

    def _password_state(self) -> str:
        return _("A password is set; type to replace it.") if _has_password(self.session) else _("No password is set.")

    # ---- keys

    def _keys(self) -> list[str]:
        value = self.session.draft.get(_KEYS)
        return [str(one) for one in value] if isinstance(value, list | tuple) else []

    def _key_rows(self) -> list[Row]:
        return [Row(key, ssh_keys.shown(key)) for key in self._keys()]

    def _show_keys(self) -> None:
        keys = self.query_one("#keys", Picks)
        keys.marked = self._keys()
        keys.show_rows(self._key_rows())
        if not keys.marked and keys.has_focus:
            self.query_one("#key", Field).line.focus()
        keys.display = bool(keys.marked)

    def _key_trouble(self) -> str:
        typed = self.query_one("#key", Field).line.value.strip()
        if not typed or ssh_keys.is_place(typed) or "https://".startswith(typed):
            return ""
        try:
            ssh_keys.checked(typed)
        except Error as error:
            return f"{error.message}; {error.hint}"
        return ""

    @on(Act.Pressed, "#add")
    def _add(self) -> None:
        typed = self.query_one("#key", Field).line.value.strip()
        if not typed:
            return
        if trouble := self._key_trouble():
            self.say(said(trouble), wrong=True)
            return
        if ssh_keys.is_place(typed):
            if self.session.rehearsal:
                self.say(_("In a rehearsal nothing is fetched; paste the key."), wrong=True)
                return
            self.say(_("Fetching the keys ..."))
            self._fetch(typed)
        else:
            self._fetched(self.Fetched((ssh_keys.checked(typed),)))

    @work(thread=True, exclusive=True, group="keys", exit_on_error=False)
    def _fetch(self, place: str) -> None:
        try:
            self.post_message(self.Fetched(tuple(ssh_keys.fetched(place))))
        except Error as error:
            self.post_message(self.Fetched((), f"{error.message}; {error.hint}"))

    @on(Fetched)
    def _fetched(self, message: Fetched) -> None:
        if message.trouble:
            self.say(said(message.trouble), wrong=True)
            return
        self.write(_KEYS, list(dict.fromkeys([*self._keys(), *message.keys])))
        self.query_one("#key", Field).fill("")
        self._show_keys()


def _has_password(session: Session) -> bool:
    draft = session.draft
    return draft.get(_HASH) not in (None, "!") or bool(draft.get("root.password_stdin") or draft.get("root.password_file"))


def _trouble(first: str, again: str) -> str:
    """What keeps this from being a password."""
    try:
        password_of(first.encode())
    except PasswordError as error:
        return f"{error.message}; {error.hint}"
    return "" if first == again else "the two are not the same; type the password twice"


def _strength(password: str) -> str:
    words = {
        Strength.WEAK: _("weak: longer is better"),
        Strength.FAIR: _("fair: some more characters would help"),
        Strength.GOOD: _("good"),
        Strength.STRONG: _("strong"),
    }
    found = strength(password)
    return _("Strength: [{bar}] {word}").format(bar=f"{'#' * found:-<4}", word=words[found])
