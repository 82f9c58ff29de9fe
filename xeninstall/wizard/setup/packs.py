"""The host's packs, and one more: found, read and judged by the wizard's own steps, loaded, and kept for the next starts."""

from collections.abc import Callable
from pathlib import Path

from textual.app import ComposeResult
from textual.widgets import Static

from xeninstall.base.events import Emit
from xeninstall.base.run import Runner
from xeninstall.host.settings.packs import HostPack
from xeninstall.packs.load import Loaded
from xeninstall.packs.model import Pack
from xeninstall.packs.queue import QUEUE
from xeninstall.wizard.kit import Row, Rows, Say, Step, _, counted, plain
from xeninstall.wizard.loading import PackLoader
from xeninstall.wizard.steps.load_pack import LoadPack
from xeninstall.wizard.steps.pack import FindPack

from .session import SetupSession

PACKS = "packs"


class HostLoader(PackLoader):
    """Nothing waits for an installation here: what is loaded is the host's at once."""

    def __init__(self, runner: Runner, kernel: str, add: Callable[[Pack, Emit], Loaded], place: Path = QUEUE) -> None:
        super().__init__(runner, kernel, place)
        self._add = add

    def _take(self, pack: Pack, emit: Emit) -> Loaded:
        return self._add(pack, emit)


class HostPacks(Step):
    """Which there are."""

    NAME = "host-packs"
    AUTO_FOCUS = "#next"
    session: SetupSession

    @classmethod
    def heading(cls) -> str:
        """See Step."""
        return _("Packs")

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Packs bring drivers that Debian's kernel lacks, their firmware, or further packages. These are on the host; Enter "
            "shows one of them.\n\n"
            "Drivers are made for one kernel. When Debian brings a newer one, load the pack that was made for that: it takes the "
            "place of the older version.\n\n"
            "Keys whose packs are trusted lie in /etc/xeninstall/pack-keys.d."
        )

    @classmethod
    def next_word(cls) -> str:
        """See Step."""
        return _("Load one")

    def body(self) -> ComposeResult:
        """See Step."""
        has = self.session.current.packs
        text = counted("The host has {n} pack:", "The host has {n} packs:", len(has)) if has else _("The host has no packs.")
        yield Static(text, classes="text", markup=False)
        if has:
            yield Static("", markup=False)
            yield Rows([Row(one.name, plain(one.title), (self._kernel_of(one),)) for one in has], id="packs")

    def _kernel_of(self, one: HostPack) -> str:
        if one.manifest is None:
            return _("its pack.toml cannot be read: load the pack again")
        if not one.kernel:
            return _("for any kernel")
        fits = one.kernel == self.session.machine.kernel.release
        line = _("for the kernel that runs, {kernel}") if fits else _("for the kernel {kernel}, which is NOT the one that runs")
        return line.format(kernel=one.kernel)

    def on_rows_picked(self, event: Rows.Picked) -> None:
        """What is known of it."""
        one = next(one for one in self.session.current.packs if one.name == event.row.value)
        rows = [
            (_("For kernel"), one.kernel or _("any")),
            (_("Signed by"), one.signed_by or _("unknown")),
            ("sha256", one.digest),
        ]
        if one.manifest is not None:
            rows.insert(0, (_("About"), one.manifest.description))
            rows.append((_("Drivers"), ", ".join(one.manifest.modules)))
        text = "\n".join(f"{label}: {plain(value)}" for label, value in rows if value)
        self.app.push_screen(Say(plain(one.title), text))


class HostFindPack(FindPack):
    """Of no installation is spoken here."""

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "Bring the pack on a stick or a disc, as an archive or unpacked, or name the path of a file or directory, a device "
            "such as /dev/sdb1, or an http(s) address. A medium may be changed at any time: insert it and choose 'Look again'."
            "\n\n"
            "A bare directory of .ko or .deb files works, too, but nobody has signed it. Debian packages in a pack are installed "
            "without the network: it has to bring everything that they need."
        )


class HostLoadPack(LoadPack):
    """It is the host's from then on."""

    session: SetupSession

    @classmethod
    def explanation(cls) -> str:
        """See Step."""
        return _(
            "What the pack holds, for which kernel its drivers are, and who signed it. The files were compared with the pack's "
            "own list.\n\n"
            "A driver runs with all rights. Where no key that this host trusts (/etc/xeninstall/pack-keys.d) has signed the "
            "pack, nobody vouches for it: load it only when you know where it came from.\n\n"
            "'Load' puts it into the running system, says which disks and network cards appeared, and makes the initramfs anew, "
            "so that the next start has it, too. It takes the place of another version of the same pack."
        )

    def keep(self, pack: Pack) -> None:
        """The host has it by now: its settings are read anew."""
        self.session.host.has_become(self.session.machine)
        self.session.reload()

    @classmethod
    def kept_where(cls) -> str:
        """See LoadPack."""
        return _("Loaded, and kept for the next starts and in the host's answer file.")
