"""Every place where a boot loader keeps a kernel's command line, and what it lists. Each is edited where it stands.

Configurations are edited in place and never made anew: grub-mkconfig asks the machine that it runs on, which is not the guest's.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..changes import WriteFile
from ..tree import Tree, encode, find, is_file, text

Edit = Callable[[list[str]], list[str]]

GRUB2 = (
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/boot/efi/EFI/*/grub.cfg",
    "/boot/grub/custom.cfg",
    "/boot/grub2/custom.cfg",
)
GRUB_LEGACY = ("/boot/grub/menu.lst", "/boot/grub/grub.conf")
ENTRIES = ("/boot/loader/entries/*.conf", "/boot/efi/loader/entries/*.conf", "/efi/loader/entries/*.conf")
_EXTLINUX = ("/boot/extlinux/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/boot/extlinux/linux.cfg")
_GRUBENV = ("/boot/grub2/grubenv", "/boot/grub/grubenv", "/boot/efi/EFI/*/grubenv")
_GRUBENV_BYTES = 1024

_LINUX = re.compile(r"^(\s*(?:linux|linux16|linuxefi)\s+)(\S+)((?:[ \t]+.*)?)$")
_INITRD = re.compile(r"^\s*(?:initrd|initrd16|initrdefi)\s+(\S.*)$")
_LEGACY = re.compile(r"^(\s*kernel\s+(?:--\S+\s+)*)(\S+)((?:[ \t]+.*)?)$")
_LEGACY_MODULE = re.compile(r"^(\s*module\s+)(\S*vmlinu\S*)((?:[ \t]+.*)?)$")
_KOPT = re.compile(r"^(# (?:kopt|defoptions|xenkopt)=)(\S.*)$")
_DEFAULTS = re.compile(r"""^((?:GRUB_CMDLINE_LINUX|GRUB_CMDLINE_LINUX_DEFAULT)=)(["']?)(.*?)(\2)([ \t]*(?:#.*)?)$""")
_JOINED = re.compile(r"GRUB_CMDLINE_LINUX_DEFAULT=|# defoptions=")
_OPTIONS = re.compile(r"^(options\s+)(.*)$")
_APPEND = re.compile(r"^(\s*append\s+)(.*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Listed:
    """A kernel in a boot loader's list, by the guest's paths."""

    image: str
    initramfs: str


def edit_command_lines(tree: Tree, edit: Edit, why: str, *, adds: bool = False) -> list[WriteFile]:
    """The files that change when every kernel command line is edited so; `adds` leaves out those that are joined to another."""
    changes = []
    for path in _paths(tree, (*GRUB2, *GRUB_LEGACY, *ENTRIES, *_EXTLINUX, "/etc/default/grub", "/etc/kernel/cmdline")):
        content = text(tree, path)
        if content is None:
            continue
        joined = adds and re.search(r"^(?:GRUB_CMDLINE_LINUX=|# kopt=)", content, re.MULTILINE) is not None
        lines = content.splitlines(keepends=True)
        changed = "".join(line if joined and _JOINED.match(line) else _edit_line(path, line, edit) for line in lines)
        if changed != content:
            changes.append(WriteFile(path, encode(changed), why))
    for path in _paths(tree, _GRUBENV):
        changed_env = _edit_grubenv(tree, path, edit)
        if changed_env is not None:
            changes.append(WriteFile(path, changed_env, why))
    return changes


def command_lines(tree: Tree) -> list[list[str]]:
    """Every command line that a kernel would be started with."""
    found: list[list[str]] = []

    def keep(words: list[str]) -> list[str]:
        if any(word.startswith("root=") for word in words):
            found.append(words)
        return words

    edit_command_lines(tree, keep, "")
    return found


def listed_kernels(tree: Tree) -> list[Listed]:
    """The kernels that a boot loader lists, in order, each once."""
    found: list[Listed] = []
    for path in _paths(tree, (*GRUB2, *GRUB_LEGACY, *_EXTLINUX)):
        found += _blocks(tree, (text(tree, path) or "").splitlines())
    for path in _paths(tree, ENTRIES):
        words = dict(line.split(None, 1) for line in (text(tree, path) or "").splitlines() if len(line.split(None, 1)) == 2)
        if "linux" in words:
            root = path.split("/loader/")[0]
            found.append(
                Listed(_in_guest(tree, words["linux"].strip(), root), _in_guest(tree, _initrd(words.get("initrd", "")), root))
            )
    return list(dict.fromkeys(found))


def _paths(tree: Tree, patterns: tuple[str, ...]) -> list[str]:
    found = [tree.real(path) for pattern in patterns for path in find(tree, pattern) if is_file(tree, path)]
    return list(dict.fromkeys(found))


def _edit_line(path: str, line: str, edit: Edit) -> str:
    body = line.rstrip("\r\n")
    end = line[len(body) :]
    if "/loader/entries/" in path:
        match = _OPTIONS.match(body)
        return f"{match[1]}{_edited(match[2], edit).strip()}{end}" if match else line
    match = _LINUX.match(body) or _LEGACY_MODULE.match(body)
    if match is not None and "memtest" in match[2]:
        return line
    if match is None and path in GRUB_LEGACY:
        match = _LEGACY.match(body)
        if match is not None and "xen" in match[2].rsplit("/", 1)[-1]:
            match = None  # The hypervisor's own options are not a kernel's.
    if match is not None:
        return f"{match[1]}{match[2]}{_edited(match[3], edit)}{end}"
    if path == "/etc/default/grub" and (match := _DEFAULTS.match(body)):
        quote = match[2] or '"'
        return f"{match[1]}{quote}{_edited(match[3], edit).strip()}{quote}{match[5]}{end}"
    if path == "/etc/kernel/cmdline":
        return f"{_edited(body, edit).strip()}{end}"
    for pattern, wanted in ((_KOPT, path in GRUB_LEGACY), (_APPEND, "linux" in path)):
        if wanted and (match := pattern.match(body)):
            return f"{match[1]}{_edited(match[2], edit).strip()}{end}"
    return line


def _edited(words: str, edit: Edit) -> str:
    before = words.split()
    after = edit(list(before))
    # Only what changes is written anew, so that spacing and comments stay.
    return words if before == after else " " + " ".join(after)


def _edit_grubenv(tree: Tree, path: str, edit: Edit) -> bytes | None:
    data = tree.read(path)
    if data is None or not data.startswith(b"# GRUB Environment Block\n"):
        return None
    lines = data.rstrip(b"#").decode("utf-8", "surrogateescape").splitlines()
    changed = [
        f"kernelopts={_edited(line.removeprefix('kernelopts='), edit).strip()}" if line.startswith("kernelopts=") else line
        for line in lines
    ]
    block = encode("".join(f"{line}\n" for line in changed))
    # GRUB writes into this file by its blocks, so that its size must stay.
    return block.ljust(len(data), b"#") if changed != lines and len(block) <= max(len(data), _GRUBENV_BYTES) else None


def _blocks(tree: Tree, lines: list[str]) -> Iterator[Listed]:
    image = ""
    for line in lines:
        match = _LINUX.match(line) or _LEGACY_MODULE.match(line) or _LEGACY.match(line)
        if match and "$" not in match[2]:
            if image:
                yield Listed(image, "")
            image = (
                ""
                if "memtest" in match[2] or "xen" in match[2].rsplit("/", 1)[-1].split("-")[0]
                else _in_guest(tree, match[2], "/boot")
            )
            continue
        initrd = _INITRD.match(line) or re.match(r"^\s*module\s+(\S*init\S*)", line)
        if initrd and image:
            yield Listed(image, _in_guest(tree, _initrd(initrd[1]), "/boot"))
            image = ""
    if image:
        yield Listed(image, "")


def _initrd(words: str) -> str:
    # Microcode may come first, and variables may follow; the initramfs itself is the last that is a file.
    return next((word for word in reversed(words.split()) if "$" not in word), "")


def _in_guest(tree: Tree, path: str, boot: str) -> str:
    """A boot loader's path as the guest sees it: it may be relative to a file system for /boot, or name a subvolume."""
    if not path:
        return ""
    path = re.sub(r"^\([^)]*\)", "", path.split(",")[0])
    parts = [part for part in path.split("/") if part]
    for start in range(len(parts)):
        rest = "/".join(parts[start:])
        for candidate in (f"/{rest}", f"{boot}/{rest}", f"/boot/{rest}"):
            if is_file(tree, candidate):
                return candidate
    return f"/{'/'.join(parts)}"
