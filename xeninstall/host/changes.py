"""From a host's settings as they are to those that are wanted: the files that change, and what has to hear of it. Pure but for
reading the files that would be replaced.

The planner's own functions say what each topic's files are, for both; a topic whose files would be the same is not touched,
so that what somebody changed there by hand stays.
"""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr

from xeninstall.answers.model import DnsMode, NtpMode
from xeninstall.answers.package_sets import SETS
from xeninstall.plan import identity, network, time
from xeninstall.plan.model import Action, MakeLink, Remove, RunInHost, SetClock, SetRootPassword, WriteFile
from xeninstall.plan.wanted import Host

from .tree import Tree, unit, value

Argv = tuple[str, ...]
FileAction = WriteFile | MakeLink | Remove
_OURS = "# Written by xeninstall."
# Of an image: it chose its card by itself once, and must not do so again when one is named.
_CHOOSER = (
    "/etc/systemd/system/xeninstall-uplink.service",
    "/etc/systemd/system/systemd-networkd.service.wants/xeninstall-uplink.service",
)


@dataclass(frozen=True)
class FileChange:
    """One file: what stands there (None: nothing; a link is written `-> target`), and what is done to it."""

    before: str | None
    action: FileAction

    @property
    def path(self) -> str:
        """Where it is."""
        return self.action.path

    @property
    def after(self) -> str | None:
        """What stands there then."""
        match self.action:
            case WriteFile(text=text):
                return text
            case MakeLink(to=to):
                return f"-> {to}\n"
            case _:
                return None

    def diff(self) -> str:
        """As `diff -u` shows it."""
        before, after = ((text or "").splitlines(keepends=True) for text in (self.before, self.after))
        names = (self.path if self.before is not None else "(new)", self.path if self.after is not None else "(removed)")
        return "".join(difflib.unified_diff(before, after, *names, n=1))


@dataclass(frozen=True)
class Changes:
    """Everything that is done. `undo` are the commands that follow when the old files are back."""

    topics: tuple[str, ...] = ()
    files: tuple[FileChange, ...] = ()
    commands: tuple[Argv, ...] = ()
    undo: tuple[Argv, ...] = ()
    password: SecretStr | None = field(default=None, repr=False)
    cuts: bool = False  # whether it may cut the host off from whoever sits in front of it

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.topics


@dataclass(frozen=True)
class _Topic:
    """A part of the settings: its answers' section, its files, and who has to hear of them."""

    section: str
    actions: Callable[[Host], tuple[Action, ...]]
    commands: Callable[[Host, Host], tuple[Argv, ...]]
    cuts: bool = False
    differs: Callable[[Host, Host], bool] = lambda before, after: False  # beside its files


def changes(tree: Tree, before: Host, after: Host, unread: tuple[str, ...] = ()) -> Changes:
    """What it takes; topics of sections that something else keeps on this host (`unread`) are left alone."""
    files: dict[str, FileChange] = {}
    topics: list[str] = []
    commands: dict[Argv, None] = {}
    undo: dict[Argv, None] = {}
    password, cuts = None, False
    for topic in _TOPICS:
        was, wanted = topic.actions(before), topic.actions(after)
        if (was == wanted and not topic.differs(before, after)) or topic.section in unread:
            continue
        topics.append(topic.section)
        cuts = cuts or topic.cuts
        for action in wanted:
            match action:
                case WriteFile() | MakeLink() | Remove():
                    action = _with_other_keys(tree, action)
                    files[action.path] = FileChange(_there(tree, action.path), action)
                case RunInHost(argv=argv):
                    commands[argv] = undo[argv] = None
                case SetClock(moment=moment):
                    commands["date", "--set", moment] = commands["hwclock", "--systohc", "--utc"] = None
                case SetRootPassword(hash=secret) if action not in was:
                    password = secret
                case _:
                    continue
        for path in _stale(tree, topic, was, wanted):
            files[path] = FileChange(_there(tree, path), Remove(path=path))
        commands |= dict.fromkeys(topic.commands(before, after))
        undo |= dict.fromkeys(() if topic.section == "packages" else topic.commands(after, before))
    # An empty file in the place of none is no change either: nothing reads more out of it.
    real = tuple(one for one in files.values() if one.before != one.after and (one.before or one.after))
    return Changes(tuple(dict.fromkeys(topics)), real, tuple(commands), tuple(undo), password, cuts)


def _there(tree: Tree, path: str) -> str | None:
    link = tree.link(path)
    return f"-> {link}\n" if link else tree.text(path)


def _with_other_keys(tree: Tree, action: FileAction) -> FileAction:
    """Lines of authorized_keys that answers cannot hold, such as keys with options, stay."""
    if not isinstance(action, WriteFile) or action.path != identity.AUTHORIZED_KEYS:
        return action
    from xeninstall.answers.fields import is_ssh_key

    others = [line for line in (tree.text(action.path) or "").splitlines() if line.strip() and not is_ssh_key(line.strip())]
    return action.model_copy(update={"text": action.text + "".join(f"{line}\n" for line in others)})


def _stale(tree: Tree, topic: _Topic, was: tuple[Action, ...], wanted: tuple[Action, ...]) -> Iterator[str]:
    """Files of the old settings that the new ones have not."""
    paths = {action.path for action in wanted if isinstance(action, FileAction)}
    old = [action.path for action in was if isinstance(action, WriteFile | MakeLink)]
    if topic.section == "network":
        # Under whatever name: an image's first boot gives its uplink another than an installation onto a disk.
        names = [f"{network.DIRECTORY}/{name}" for name in tree.names(network.DIRECTORY)]
        old += [path for path in names if (tree.text(path) or "").startswith(_OURS)]
        old += _CHOOSER
    # Keys: the file may hold more than ours. chrony.conf: without it a clock that is switched on by hand would not go.
    kept = (identity.AUTHORIZED_KEYS, time.CHRONY)
    yield from (path for path in dict.fromkeys(old) if path not in (*paths, *kept) and _there(tree, path) is not None)


def _login(settings: Host) -> tuple[Action, ...]:
    """Without keys an installation writes no file; here an old one has to lose them."""
    out = identity.accounts(settings)
    if settings.answers.root.ssh_keys:
        return out
    return (*out, WriteFile(path=identity.AUTHORIZED_KEYS, text="", mode=0o600))


def _time(settings: Host) -> tuple[Action, ...]:
    return (*time.clock(settings), *time.actions(settings))


def _reload_network(before: Host, after: Host) -> tuple[Argv, ...]:
    """networkd takes new .network files by itself, and nothing of what it has made already: that is taken away first."""
    was, wanted = (_netdevs(settings) for settings in (before, after))
    gone = [name for name, text in was.items() if wanted.get(name) != text]
    out: list[Argv] = [("networkctl", "delete", name) for name in gone if name != network.BRIDGE]
    if network.BRIDGE in gone:
        parsed = unit(wanted.get(network.BRIDGE, ""))
        mac, mtu = value(parsed, "NetDev", "MACAddress"), value(parsed, "NetDev", "MTUBytes") or "1500"
        out += [("ip", "link", "set", network.BRIDGE, "address", mac)] if ":" in mac else []
        out.append(("ip", "link", "set", network.BRIDGE, "mtu", mtu))
    if was == wanted:
        return (*out, ("networkctl", "reload"))
    return (*out, ("systemctl", "restart", "systemd-networkd.service"))


def _netdevs(settings: Host) -> dict[str, str]:
    written = [action for action in network.actions(settings) if isinstance(action, WriteFile)]
    return {value(unit(one.text), "NetDev", "Name"): one.text for one in written if one.path.endswith(".netdev")}


def _reload_names(before: Host, after: Host) -> tuple[Argv, ...]:
    served, serves = (settings.answers.dns.mode is DnsMode.SERVE for settings in (before, after))
    out: list[Argv] = [("systemctl", "daemon-reload")] if served or serves else []
    if serves:
        out.append(("systemctl", "restart", "dnsmasq.service"))
    elif served:
        out.append(("systemctl", "stop", "dnsmasq.service"))
    return (*out, ("systemctl", "restart", "systemd-resolved.service"))


def _reload_clock(before: Host, after: Host) -> tuple[Argv, ...]:
    was, wanted = before.answers.time, after.answers.time
    if (was.ntp, was.servers) == (wanted.ntp, wanted.servers):
        return ()
    out: list[Argv] = [("systemctl", "daemon-reload")]
    if was.ntp is NtpMode.DHCP:
        out.append(("systemctl", "stop", "xeninstall-ntp.path"))
    if wanted.ntp is NtpMode.DHCP:
        out += [("systemctl", "start", "xeninstall-ntp.path"), ("systemctl", "start", "xeninstall-ntp.service")]
    return (*out, ("systemctl", "stop" if wanted.ntp is NtpMode.NONE else "restart", "chrony.service"))


def _install(before: Host, after: Host) -> tuple[Argv, ...]:
    """By apt. A set that is wanted no more stays: who knows what else has come to need it."""
    had = before.answers.packages.sets
    names = [name for one in after.answers.packages.sets if one not in had for name in SETS.get(one, ())]
    return (_UPDATE, (*_INSTALL, *names)) if names else ()


def _other_sets(before: Host, after: Host) -> bool:
    return set(before.answers.packages.sets) != set(after.answers.packages.sets)


def _always(*argvs: Argv) -> Callable[[Host, Host], tuple[Argv, ...]]:
    return lambda before, after: argvs


_APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes", "-o", "DPkg::Lock::Timeout=600")
_UPDATE = (*_APT, "update")
_INSTALL = (*_APT, "-o", "Dpkg::Options::=--force-confold", "install", "--no-install-recommends")

# In the order in which they are done: names and rules before the addresses that they are about.
_TOPICS = (
    _Topic("keyboard", identity.keyboard, _always(("update-initramfs", "-u", "-k", "all"))),
    _Topic("host", identity.name, _always(("hostname", "--file", "/etc/hostname"))),
    _Topic("time", _time, _reload_clock),
    _Topic("firewall", identity.firewall, _always(("systemctl", "reload-or-restart", "nftables.service")), cuts=True),
    _Topic("network", network.actions, _reload_network, cuts=True),
    _Topic("dns", network.resolver, _reload_names),
    _Topic("root", _login, _always(("systemctl", "try-reload-or-restart", "ssh.service"))),
    _Topic("packages", lambda host: (), _install, differs=_other_sets),
)
SECTIONS = tuple(topic.section for topic in _TOPICS)
