"""Which system a tree holds. Nothing is run: what the files say is all, and each may lie."""

import re
import shlex
import struct

from .clock import zone_of
from .drivers import drivers_of
from .linux.bootconf import Listed, listed_kernels
from .model import Family, FirmwareMode, Guest, Hardware, Init, InitramfsTool, Kernel, Loader
from .tree import Tree, find, is_file, is_folder, text

# ELF's e_machine (elf.h), for the machines that Xen and KVM run.
_MACHINES = {3: "i386", 62: "x86_64", 183: "aarch64", 40: "arm", 243: "riscv64", 21: "ppc64", 22: "s390x"}
_FAMILIES = {
    "debian": Family.DEBIAN,
    "ubuntu": Family.DEBIAN,
    "rhel": Family.REDHAT,
    "fedora": Family.REDHAT,
    "centos": Family.REDHAT,
    "suse": Family.SUSE,
    "sles": Family.SUSE,
    "opensuse": Family.SUSE,
    "arch": Family.ARCH,
}
# Systems from before os-release.
_OLD_RELEASES = (("/etc/redhat-release", "rhel"), ("/etc/SuSE-release", "suse"), ("/etc/debian_version", "debian"))
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_MOST_CHARACTERS, _MOST_LINES = 65536, 1000  # of os-release


def is_linux(tree: Tree) -> bool:
    """Whether this is the root of a Linux system."""
    if not is_folder(tree, "/etc"):
        return False
    named = any(is_file(tree, path) for path in ("/etc/os-release", "/usr/lib/os-release", *dict(_OLD_RELEASES)))
    return named or (is_file(tree, "/etc/fstab") and is_folder(tree, "/usr"))


def inspect(tree: Tree, hardware: Hardware | None = None) -> Guest:
    """What is known of the system. Raises TreeError only for files of absurd size."""
    release = _release(tree)
    identity, like = release.get("ID", ""), release.get("ID_LIKE", "").split()
    family = next((_FAMILIES[name] for name in (identity, *like) if name in _FAMILIES), Family.OTHER)
    if identity.startswith(("opensuse", "sle")):
        family = Family.SUSE
    return Guest(
        name=release.get("PRETTY_NAME") or " ".join(filter(None, (release.get("NAME", "Linux"), release.get("VERSION_ID", "")))),
        id=identity,
        version=release.get("VERSION_ID", ""),
        family=family,
        architecture=_architecture(tree),
        init=_init(tree),
        kernels=_kernels(tree),
        initramfs_tool=_initramfs_tool(tree),
        loaders=_loaders(tree),
        firmware=_firmware(tree),
        package_manager=_first(
            tree,
            (
                ("/var/lib/dpkg/status", "dpkg"),
                ("/usr/bin/dnf", "dnf"),
                ("/usr/bin/zypper", "zypper"),
                ("/usr/bin/yum", "yum"),
                ("/usr/bin/pacman", "pacman"),
                ("/sbin/apk", "apk"),
            ),
        ),
        networks=_networks(tree),
        local_time="LOCAL" in (text(tree, "/etc/adjtime") or "").split(),
        zone=zone_of(tree),
        hardware=hardware or Hardware(),
    )


def _release(tree: Tree) -> dict[str, str]:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        content = text(tree, path)
        if content:
            lines = content[:_MOST_CHARACTERS].splitlines()[:_MOST_LINES]
            return {key: value for key, value in map(_assignment, lines) if key}
    for path, identity in _OLD_RELEASES:
        content = text(tree, path)
        if content is not None:
            line = _printable(next(iter(content.splitlines()), ""))
            number = _VERSION.search(line)
            name = f"Debian {line}" if identity == "debian" else line
            return {"ID": identity, "PRETTY_NAME": name, "VERSION_ID": number[0] if number else ""}
    return {}


def _assignment(line: str) -> tuple[str, str]:
    key, sign, value = line.partition("=")
    if not sign or not re.fullmatch(r"[A-Z0-9_]+", key):
        return "", ""
    try:
        words = shlex.split(value, comments=True)
    except ValueError:
        words = [value]
    return key, _printable(" ".join(words))


def _printable(value: str) -> str:
    # It is shown on terminals and becomes names in reports.
    return "".join(sign for sign in value if sign.isprintable())[:200]


def _architecture(tree: Tree) -> str:
    for path in ("/bin/sh", "/usr/bin/env", "/sbin/init", "/bin/bash"):
        head = tree.read(path, 20) or b""
        if len(head) == 20 and head[:4] == b"\x7fELF":
            (machine,) = struct.unpack_from("<H" if head[5] == 1 else ">H", head, 18)
            return _MACHINES.get(machine, f"ELF machine {machine}")
    return "unknown"


def _init(tree: Tree) -> Init:
    init = tree.real("/sbin/init")
    if init.endswith("/systemd") or any(is_file(tree, f"{place}/systemd/systemd") for place in ("/lib", "/usr/lib")):
        return Init.SYSTEMD
    if find(tree, "/etc/init/*.conf") and is_file(tree, "/sbin/initctl"):
        return Init.UPSTART
    if is_file(tree, "/sbin/openrc") or is_file(tree, "/sbin/openrc-init"):
        return Init.OPENRC
    return Init.SYSV if is_file(tree, "/etc/inittab") else Init.UNKNOWN


def _kernels(tree: Tree) -> tuple[Kernel, ...]:
    versions = [name for place in _module_folders(tree) for name in tree.names(place) if is_folder(tree, f"{place}/{name}")]
    versions = [name for name in versions if is_file(tree, f"{_place(tree, name)}/modules.dep")]
    listed = {version: entry for entry in listed_kernels(tree) if (version := _version_of(tree, entry, versions))}
    found = []
    for version in dict.fromkeys([*versions, *listed]):
        entry = listed.get(version) or Listed(_image_of(tree, version), "")
        drivers, builtin = drivers_of(tree, _place(tree, version))
        initramfs = entry.initramfs or _initramfs_of(tree, version)
        found.append(Kernel(version, entry.image, initramfs, version in listed, drivers, builtin))
    return tuple(found)


def _module_folders(tree: Tree) -> list[str]:
    # On merged systems both are one.
    return list(dict.fromkeys(tree.real(place) for place in ("/lib/modules", "/usr/lib/modules")))


def _place(tree: Tree, version: str) -> str:
    return next(
        (f"{place}/{version}" for place in _module_folders(tree) if is_folder(tree, f"{place}/{version}")),
        f"/lib/modules/{version}",
    )


def _version_of(tree: Tree, entry: Listed, versions: list[str]) -> str:
    name = entry.image.rsplit("/", 1)[-1]
    by_name = [version for version in versions if name.endswith(f"-{version}") or f"/{version}/" in entry.image]
    return by_name[0] if by_name else _version_in(tree.read(entry.image, 1 << 16) or b"")


def _version_in(head: bytes) -> str:
    # Linux x86 boot protocol, 2.00 and later: at 0x20e the place of the version's text, less 0x200.
    if head[0x202:0x206] != b"HdrS":
        return ""
    (place,) = struct.unpack_from("<H", head, 0x20E)
    version = head[place + 0x200 :].split(b"\0", 1)[0].split(b" ", 1)[0][:100]
    return version.decode("ascii", "replace") if re.fullmatch(rb"[0-9][\w.+~-]*", version) else ""


def _image_of(tree: Tree, version: str) -> str:
    names = (f"/boot/vmlinuz-{version}", f"/boot/vmlinux-{version}", f"/boot/Image-{version}", f"/boot/kernel-{version}")
    return next((path for path in names if is_file(tree, path)), "")


def _initramfs_of(tree: Tree, version: str) -> str:
    names = (
        f"/boot/initrd.img-{version}",
        f"/boot/initramfs-{version}.img",
        f"/boot/initrd-{version}",
        f"/boot/initrd-{version}.img",
    )
    return next((path for path in names if is_file(tree, path)), "")


def _initramfs_tool(tree: Tree) -> InitramfsTool:
    # Debian may have both: the one that owns update-initramfs is in use, unless dracut diverted it.
    if is_file(tree, "/etc/initramfs-tools/initramfs.conf") and is_file(tree, "/usr/sbin/mkinitramfs"):
        return InitramfsTool.INITRAMFS_TOOLS
    for path in ("/usr/bin/dracut", "/sbin/dracut", "/usr/sbin/dracut"):
        if is_file(tree, path):
            return InitramfsTool.DRACUT
    if is_file(tree, "/usr/bin/mkinitcpio") or is_file(tree, "/etc/mkinitcpio.conf"):
        return InitramfsTool.MKINITCPIO
    return InitramfsTool.MKINITRD if is_file(tree, "/sbin/mkinitrd") else InitramfsTool.NONE


def _loaders(tree: Tree) -> tuple[Loader, ...]:
    found = []
    if any(is_file(tree, f"/boot/{place}/grub.cfg") for place in ("grub", "grub2")) or find(tree, "/boot/efi/EFI/*/grub.cfg"):
        found.append(Loader.GRUB2)
    if any(is_file(tree, f"/boot/grub/{name}") for name in ("menu.lst", "grub.conf")):
        found.append(Loader.GRUB_LEGACY)
    if (
        find(tree, "/boot/efi/EFI/systemd/systemd-boot*.efi")
        or find(tree, "/boot/EFI/systemd/systemd-boot*.efi")
        or find(tree, "/efi/EFI/systemd/systemd-boot*.efi")
    ):
        found.append(Loader.SYSTEMD_BOOT)
    if any(find(tree, f"{place}/loader/entries/*.conf") for place in ("/boot", "/boot/efi", "/efi")):
        found.append(Loader.BLS)
    if find(tree, "/boot/extlinux/*.conf") or find(tree, "/boot/syslinux/*.cfg"):
        found.append(Loader.EXTLINUX)
    return tuple(found)


def _firmware(tree: Tree) -> FirmwareMode:
    has_loader = any(
        find(tree, f"{place}/EFI/*/*.efi") or find(tree, f"{place}/EFI/*/*.EFI") for place in ("/boot/efi", "/boot", "/efi")
    )
    return FirmwareMode.UEFI if has_loader else FirmwareMode.BIOS


def _networks(tree: Tree) -> tuple[str, ...]:
    found = []
    if is_file(tree, "/etc/network/interfaces"):
        found.append("ifupdown")
    if find(tree, "/etc/netplan/*.yaml"):
        found.append("netplan")
    if find(tree, "/etc/systemd/network/*.network"):
        found.append("networkd")
    if find(tree, "/etc/NetworkManager/system-connections/*"):
        found.append("NetworkManager")
    if find(tree, "/etc/sysconfig/network-scripts/ifcfg-*"):
        found.append("ifcfg")
    if find(tree, "/etc/sysconfig/network/ifcfg-*"):
        found.append("wicked" if find(tree, "/usr/sbin/wicked") or is_folder(tree, "/etc/wicked") else "ifcfg")
    return tuple(found)


def _first(tree: Tree, choices: tuple[tuple[str, str], ...]) -> str:
    return next((name for path, name in choices if is_file(tree, path)), "unknown")
