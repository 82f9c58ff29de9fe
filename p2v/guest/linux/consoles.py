"""A console wherever the guest runs: on the screen, on a serial line, and on Xen's own. Those that it has stay."""

import re

from ..changes import Change, Planned, Repair, WriteFile
from ..model import Guest, Init, InitramfsTool
from ..tree import Tree, encode, is_file, text
from .bootconf import edit_command_lines

# The last that is named becomes /dev/console where it exists, as hvc0 does on Xen. Where it does not, as on KVM, the first that
# the kernel finds is it: the screen, whatever serial line is named (register_console in kernel/printk/printk.c).
_CONSOLES = ("console=tty0", "console=ttyS0,115200", "console=hvc0")
_PROMPT = (
    "initramfs-tools asks for the passphrase of an encrypted disk on one console: under KVM on the screen, under Xen on its own "
    "console, for HVM with: xl console -t pv NAME"
)
_TERMINALS = ("hvc0", "ttyS0")
_UPSTART = """# {name} - getty, added by p2v
start on stopped rc RUNLEVEL=[2345]
stop on runlevel [!2345]
respawn
exec {getty} 115200 {name} vt102
"""


def _plan(guest: Guest, tree: Tree) -> Planned:
    changes: list[Change] = list(edit_command_lines(tree, with_consoles, "kernel messages on every kind of console", adds=True))
    changes += _securetty(tree)
    match guest.init:
        case Init.SYSV:
            changes += _inittab(tree)
        case Init.UPSTART:
            # Where this job is, it starts a login on each console of the kernel.
            for name in _TERMINALS if not is_file(tree, "/etc/init/serial.conf") else ():
                path = f"/etc/init/{name}.conf"
                if not is_file(tree, path):
                    changes.append(WriteFile(path, encode(_UPSTART.format(name=name, getty=_getty(tree))), f"a login on {name}"))
        case _:
            pass  # systemd starts a login on each console of the kernel by itself.
    return Planned(tuple(changes), (_PROMPT,) if _asks_on_one_console(guest, tree) else ())


def with_consoles(words: list[str]) -> list[str]:
    """A kernel's command line with all consoles, Xen's last."""
    present = {word.split(",")[0] for word in words}
    found = words + [word for word in _CONSOLES if word.split(",")[0] not in present]
    return sorted(found, key=_is_xens)  # stable: all others stay as they are


def _is_xens(word: str) -> bool:
    return word.split(",")[0] == "console=hvc0"


def _asks_on_one_console(guest: Guest, tree: Tree) -> bool:
    """The prompt of cryptsetup's askpass is on /dev/console alone; systemd and plymouth ask on every console of the kernel."""
    if guest.initramfs_tool is not InitramfsTool.INITRAMFS_TOOLS:
        return False
    lines = [line.split() for line in (text(tree, "/etc/crypttab") or "").splitlines()]
    return any([*words, "", ""][2] in ("none", "-", "") for words in lines if len(words) > 1 and not words[0].startswith("#"))


def _securetty(tree: Tree) -> list[Change]:
    content = text(tree, "/etc/securetty")
    if content is None:
        return []
    missing = [name for name in (*_TERMINALS, "xvc0") if not re.search(rf"^{name}\s*$", content, re.MULTILINE)]
    after = content.rstrip("\n") + "\n" + "".join(f"{name}\n" for name in missing)
    return [WriteFile("/etc/securetty", encode(after), "root may log in there, too")] if missing else []


def _inittab(tree: Tree) -> list[Change]:
    content = text(tree, "/etc/inittab")
    if content is None:
        return []
    getty = _getty(tree)
    lines = ""
    for identity, name in (("h0", "hvc0"), ("s0", "ttyS0")):
        active = re.search(rf"^[^#\n]*\b{name}\b", content, re.MULTILINE)
        if not active:
            taken = re.search(rf"^{identity}:", content, re.MULTILINE)
            # A login on a terminal that is not there would be started again and again; init holds it back by itself.
            lines += f"{'p' + identity if taken else identity}:2345:respawn:{getty} 115200 {name} vt102\n"
    return [WriteFile("/etc/inittab", encode(content.rstrip("\n") + "\n" + lines), "a login on hvc0 and ttyS0")] if lines else []


def _getty(tree: Tree) -> str:
    return "/sbin/getty -L" if is_file(tree, "/sbin/getty") else "/sbin/agetty -L"


REPAIR = Repair("consoles", "a login on the screen, a serial line and Xen's console", _plan)
