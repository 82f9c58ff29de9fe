"""dracut with an encrypted root: the kernel's command line says which volume is opened, and under which name.

A host-only initramfs holds its machine's crypttab; one for every host holds none (dracut, modules.d/*crypt/module-setup.sh).
"""

from ..changes import Planned, Repair
from ..model import Guest, InitramfsTool, Named
from ..tree import Tree, text
from .bootconf import edit_command_lines
from .names import logical_names

_ASKED = ("none", "-", "")  # crypttab(5): the passphrase is typed


def _plan(guest: Guest, tree: Tree) -> Planned:
    found = _encrypted_root(guest, tree) if guest.initramfs_tool is InitramfsTool.DRACUT else None
    if found is None:
        return Planned()
    name, uuid = found

    def edit(words: list[str]) -> list[str]:
        return words if any(uuid in word for word in words) else [*words, f"rd.luks.name={uuid}={name}"]

    return Planned(tuple(edit_command_lines(tree, edit, "the initramfs opens the encrypted root", adds=True)))


def _encrypted_root(guest: Guest, tree: Tree) -> tuple[str, str] | None:
    """Name and UUID of the volume that the root is in, by crypttab."""
    entries = {}
    for words in _lines(tree, "/etc/crypttab"):
        if len(words) > 1 and words[1].upper().startswith("UUID=") and [*words, "", ""][2] in _ASKED:
            entries[words[0]] = words[1][5:].strip('"').lower()
    root = next((words[0] for words in _lines(tree, "/etc/fstab") if len(words) > 1 and words[1] == "/"), "")
    for name, uuid in entries.items():
        if root == f"/dev/mapper/{name}":
            return name, uuid
    within = next((volume.within.lower() for volume in guest.hardware.volumes if volume.within and _is(volume, root)), "")
    return next(((name, uuid) for name, uuid in entries.items() if uuid == within), None)


def _lines(tree: Tree, path: str) -> list[list[str]]:
    lines = (line.split() for line in (text(tree, path) or "").splitlines()[:1000])
    return [words for words in lines if words and not words[0].startswith("#")]


def _is(volume: Named, spec: str) -> bool:
    named = bool(volume.uuid) and spec.lower() == f"uuid={volume.uuid}".lower()
    return named or (bool(volume.logical) and spec in logical_names(volume))


REPAIR = Repair("early-luks", "dracut opens the encrypted root by its UUID", _plan)
