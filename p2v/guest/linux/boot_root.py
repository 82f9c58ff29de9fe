"""root= and resume= of every kernel command line: by UUID, which holds on any controller."""

import re

from ..changes import Change, Planned, Repair, WriteFile
from ..model import Guest
from ..tree import Tree, encode, text
from .bootconf import edit_command_lines
from .names import is_local, resolve, stable

_ARGUMENT = re.compile(r"(root|resume)=(\S+)")
_DISABLED = re.compile(r"^(?=GRUB_DISABLE_(?:LINUX_)?UUID=)", re.MULTILINE)
_RESUME_FILES = ("/etc/initramfs-tools/conf.d/resume", "/etc/uswsusp.conf")
_RESUME = re.compile(r"^(RESUME=|resume device *= *)(\S+)", re.MULTILINE)


def _plan(guest: Guest, tree: Tree) -> Planned:
    remarks: list[str] = []
    early = bool(guest.boot_kernels) and not any(kernel.initramfs for kernel in guest.boot_kernels)

    def lasting(device: str, fstype: str) -> str | None:
        if not is_local(device):
            return None
        found = resolve(device, guest.hardware, fstype)
        remarks.extend([found.remark] if found.remark else [])
        return stable(found.volume, early=early) if found.volume else None

    def edit(words: list[str]) -> list[str]:
        after = []
        for word in words:
            match = _ARGUMENT.fullmatch(word)
            name = lasting(match[2], "swap" if match[1] == "resume" else "") if match else None
            after.append(f"{match[1]}={name}" if match and name else word)
        return after

    changes: list[Change] = list(edit_command_lines(tree, edit, "root and resume by UUID"))
    for path in _RESUME_FILES:
        content = text(tree, path)
        if content is not None:
            changed = _RESUME.sub(lambda match: f"{match[1]}{lasting(match[2], 'swap') or match[2]}", content)
            changes += [WriteFile(path, encode(changed), "the swap space to resume from by UUID")] if changed != content else []
    path = "/etc/default/grub"
    laid = next(
        (
            change.data.decode("utf-8", "surrogateescape")
            for change in changes
            if isinstance(change, WriteFile) and change.path == path
        ),
        None,
    )
    content = laid if laid is not None else text(tree, path)
    if content is not None and _DISABLED.search(content):
        changed = _DISABLED.sub("#", content)
        changes.append(WriteFile(path, encode(changed), "the next grub-mkconfig writes UUIDs, too"))
    return Planned(tuple(changes), tuple(dict.fromkeys(remarks)))


REPAIR = Repair("boot-root", "the kernel finds its root and its resume device by UUID", _plan)
