"""Disks → the systems on them, each with all its file systems in their places, ready to be read, changed and run in.

Each volume becomes a loop device over the overlay's raw file; nothing is looked for by UUID, since the original's are the same.
Where /boot, /usr and the rest belong is the guest's fstab's word; the places are resolved within the guest.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.interruption import held
from xeninstall.base.mountinfo import mounts_below
from xeninstall.base.run import CommandError, Runner

from ..files.btrfs import ROOT_SUBVOLUMES
from ..layout.model import Kind
from .apply import RepairError
from .esp import Esp, staged
from .inspect import inspect, is_linux
from .linux.bootconf import command_lines
from .linux.names import logical_names, resolve
from .loops import loop_device
from .model import BootPlace, Guest, Hardware, Named
from .slots import MOUNTABLE, Slot
from .tree import Kind as Is
from .tree import RootTree, text

# What repairs read or write. A guest's other file systems stay as they are, and are not even mounted.
_WANTED = ("/boot", "/efi", "/usr", "/var", "/opt")
_OPTIONS = {Kind.XFS: ("nouuid",), Kind.BTRFS: ("subvolid=5",), Kind.EXT: ()}
_MAX_ENTRIES, _MAX_ROOTS, _MAX_SUBVOLUMES = 64, 16, 10_000
_Fits = Callable[[Named], bool]


@dataclass
class Found:
    """A system, put together below `tree.root`."""

    tree: RootTree
    guest: Guest
    slot: Slot
    subvolume: str = ""  # of btrfs, where the root is not at its top
    beside: tuple["Found", ...] = ()  # other systems on the same btrfs, which are not repaired
    esps: list[Esp] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def close(self) -> None:
        """All that was written is on the overlay when this returns. Raises RepairError."""
        for one in self.esps:
            one.put_back()


@contextmanager
def guests(
    slots: Sequence[Slot], disks: Sequence[Path], hardware: Hardware, runner: Runner
) -> Iterator[tuple[list[Found], list[str]]]:
    """The Linux systems on the disks, whose raw files may be written, and what could not be looked into."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=f"p2v-guest-{os.getpid()}-", ignore_cleanup_errors=True))
        )
        bench = _Bench(folder, disks, hardware, runner, stack)
        bench.mount_all(slots)
        found = [bench.system(slot) for slot in slots if slot in bench.tops]
        yield [one for one in found if one is not None], bench.remarks


class _Bench:
    def __init__(self, folder: Path, disks: Sequence[Path], hardware: Hardware, runner: Runner, stack: ExitStack) -> None:
        self._folder, self._disks, self._hardware, self._runner, self._stack = folder, disks, hardware, runner, stack
        self._slots: Sequence[Slot] = ()
        self.tops: dict[Slot, Path] = {}
        self.remarks: list[str] = []
        self._count = 0

    def mount_all(self, slots: Sequence[Slot]) -> None:
        """Each file system at a place of its own."""
        self._slots = slots
        for slot in slots:
            if slot.kind not in MOUNTABLE:
                continue
            try:
                self.tops[slot] = self._mount(slot)
            except Error as error:
                self.remarks.append(f"{slot.title} cannot be looked into: {error.message}")

    def system(self, slot: Slot) -> Found | None:
        """The system on a file system: of several in subvolumes the one that is started; the others are in the remarks."""
        roots = self._roots(slot)
        if len(roots) < 2:
            return self.put_together(slot, roots[0]) if roots else None
        found = {root: self.put_together(slot, root) for root in roots[:_MAX_ROOTS]}
        named = next((root for one in found.values() for root in self._named(slot, one) if root in found), None)
        chosen = named or roots[0]
        titles = {root: f"{root.relative_to(self.tops[slot])} ({one.guest.name})" for root, one in found.items()}
        why = "the boot loader names it" if named else "it is the default, or the first"
        others = [title for root, title in titles.items() if root != chosen]
        others += [f"{len(roots) - _MAX_ROOTS} more"] if len(roots) > _MAX_ROOTS else []
        self.remarks.append(
            f"{slot.title} holds {len(roots)} systems in subvolumes: {titles[chosen]} is repaired, as {why}; "
            f"not repaired: {', '.join(others)}"
        )
        found[chosen].beside = tuple(one for root, one in found.items() if root != chosen)
        return found[chosen]

    def _roots(self, slot: Slot) -> list[Path]:
        """The folders of a file system that are roots: itself, or subvolumes of btrfs."""
        top = self.tops[slot]
        paths = self._subvolumes(top) if slot.kind is Kind.BTRFS else ["."]
        inside = RootTree(top)
        try:
            # Resolved within: the name of a subvolume may as well be a link.
            places = [top / inside.real(f"/{path}").lstrip("/") for path in paths if inside.kind(f"/{path}") is Is.FOLDER]
        finally:
            inside.close()
        return [place for place in dict.fromkeys(places) if _is_root(place)]

    def _named(self, slot: Slot, found: Found) -> Iterator[Path]:
        """The subvolumes of it that a system's boot loader would start, in order."""
        for words in command_lines(found.tree):
            given = dict(word.split("=", 1) for word in words if "=" in word)
            flags = given.get("rootflags", "").split(",")
            if self._slot_of(given["root"], "btrfs") in (slot, None) and _names_subvolume(flags):
                yield self._in_subvolume(slot, flags)

    def put_together(self, slot: Slot, top: Path) -> Found:
        """The system with its other file systems in their places."""
        root = self._new_folder("root")
        self._bind(top, root)
        tree = RootTree(root)
        self._stack.callback(tree.close)
        folder = top.relative_to(self.tops[slot])
        found = Found(tree, inspect(tree, self._hardware), slot, "" if folder == Path() else str(folder))
        boot = BootPlace(slot.named, f"/{folder / 'boot'}")
        for place, other, options in self._wanted(tree, found):
            source = self._source(other, options)
            if source == top:
                continue
            self._place(found, place, other, source)
            if place == "/boot":
                within = source.relative_to(self.tops[other]) if source is not None else Path()
                boot = BootPlace(other.named, f"/{within}" if within.parts else "")
        # Now that /boot and /usr are there, more can be seen.
        found.guest = replace(inspect(tree, self._hardware), boot=boot)
        return found

    def _mount(self, slot: Slot) -> Path:
        devices = slot.volume.content.devices
        if devices > 1:
            # By their UUID, which the originals share, the kernel would take the others from the source.
            raise RepairError(f"its {slot.kind} spans {devices} devices, which are not put together beside the originals")
        place = self._new_folder("fs")
        device = loop_device(slot, self._disks, self._runner, self._stack)
        options = ",".join(("nodev", "nosuid", *_OPTIONS[slot.kind]))
        with held():
            try:
                self._runner.run(["mount", "-t", _type_of(slot), "-o", options, device, str(place)])
            except CommandError as error:
                raise _not_mounted(slot, error) from None
            self._stack.callback(self._unmount, place)
        shown = _shown(place)
        if shown != device:
            raise RepairError(f"the kernel showed {shown} in place of the copy, as their UUIDs are the same")
        return place

    def _subvolumes(self, top: Path) -> list[str]:
        """Of btrfs: the default one, then those at the top, by the names that installers give, then all that are no snapshots."""
        listed = _paths(self._btrfs("list", str(top)))
        snapshots = set(_paths(self._btrfs("list", "-s", str(top))))
        return [self._default(top), *ROOT_SUBVOLUMES, ".", *(path for path in listed if path not in snapshots)]

    def _default(self, top: Path) -> str:
        return next(iter(_paths(self._btrfs("get-default", str(top)))), ".")

    def _btrfs(self, *arguments: str) -> str:
        with suppress(CommandError):
            return self._runner.run(["btrfs", "subvolume", *arguments]).stdout
        return ""

    def _wanted(self, tree: RootTree, found: Found) -> list[tuple[str, Slot, list[str]]]:
        entries = []
        for line in (text(tree, "/etc/fstab") or "").splitlines()[:1000]:
            words = line.split()
            if len(words) < 3 or words[0].startswith("#"):
                continue
            place = _unescaped(words[1])
            if not any(place == wanted or place.startswith(f"{wanted}/") for wanted in _WANTED):
                continue
            spec = _unescaped(words[0])
            other = self._encrypted(tree, spec) or self._slot_of(spec, words[2])
            if other is None:
                if words[0].startswith(("/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=")):
                    found.remarks.append(f"{place} of the guest is on {words[0][:80]}, which was not found")
                continue
            entries.append((place, other, words[3].split(",") if len(words) > 3 else []))
        return sorted(entries[:_MAX_ENTRIES], key=lambda entry: entry[0].count("/"))

    def _encrypted(self, tree: RootTree, spec: str) -> Slot | None:
        """What crypttab opens under this name."""
        for line in (text(tree, "/etc/crypttab") or "").splitlines()[:1000]:
            words = line.split()
            if len(words) > 1 and f"/dev/mapper/{words[0]}" == spec:
                closed = self._slot_of(words[1], "luks")
                return self._within(closed.named.uuid) if closed is not None and closed.named.uuid else None
        return None

    def _within(self, uuid: str) -> Slot | None:
        return self._first(lambda named: named.within == uuid)

    def _slot_of(self, spec: str, fstype: str) -> Slot | None:
        tag, sign, value = spec.partition("=")
        value = value.strip("\"'")
        match tag if sign else "":
            case "UUID":
                return self._first(lambda named: named.uuid.lower() == value.lower() != "")
            case "LABEL":
                return self._first(lambda named: named.label == value != "")
            case "PARTUUID":
                return self._first(lambda named: named.partuuid.lower() == value.lower() != "")
        for prefix in ("/dev/disk/by-uuid/", "/dev/disk/by-label/", "/dev/disk/by-partuuid/"):
            if spec.startswith(prefix):
                return self._slot_of(f"{prefix[13:-1].upper()}={spec.removeprefix(prefix)}", fstype)
        logical = self._first(lambda named: bool(named.logical) and spec in logical_names(named))
        if logical is not None:
            return logical
        volume = resolve(spec, self._hardware, fstype).volume
        return self._first(lambda named: named == volume) if volume else None

    def _first(self, fits: _Fits) -> Slot | None:
        # The content is what is mounted: of a mirror the data, not the member around it.
        return next((slot for slot in self._slots if slot.kind is not Kind.MD and fits(slot.named)), None)

    def _place(self, found: Found, place: str, slot: Slot, source: Path | None) -> None:
        tree = found.tree
        if tree.kind(place) is not Is.FOLDER:
            found.remarks.append(f"{place} of the guest is not a folder; what belongs there was left out")
            return
        at = tree.root / tree.real(place).lstrip("/")
        if slot.kind is Kind.FAT and len(slot.places) == 1:
            (disk, extent) = slot.places[0]
            esp = self._stack.enter_context(staged(self._disks[disk], extent, self._runner))
            found.esps.append(esp)
            self._bind(esp.folder, at)
        elif source is not None:
            self._bind(source, at)
        elif slot in self.tops:
            found.remarks.append(f"{place} of the guest is in a subvolume that was not found; what belongs there was left out")

    def _source(self, slot: Slot, options: Sequence[str]) -> Path | None:
        """The folder that mount(8) would show with these options; None for what is not mounted here."""
        if slot not in self.tops:
            return None
        place = self._in_subvolume(slot, options) if slot.kind is Kind.BTRFS else self.tops[slot]
        return place if place.is_dir() and not place.is_symlink() else None

    def _in_subvolume(self, slot: Slot, options: Sequence[str]) -> Path:
        """The folder of the subvolume that is named, by path or number, or the default one."""
        top = self.tops[slot]
        given = dict(option.split("=", 1) for option in options if "=" in option)
        number = given.get("subvolid", "")
        if "subvol" in given:
            path = given["subvol"]
        elif number.isdecimal() and int(number):
            lines = self._btrfs("list", str(top)).splitlines()
            path = next(iter(_paths("\n".join(line for line in lines if line.startswith(f"ID {int(number)} ")))), ".")
        else:
            path = self._default(top)
        tree = RootTree(top)
        try:
            return top / tree.real(f"/{path}").lstrip("/")
        finally:
            tree.close()

    def _bind(self, source: Path, target: Path) -> None:
        with held():
            self._runner.run(["mount", "--bind", "-o", "nodev,nosuid", str(source), str(target)])
            self._stack.callback(self._unmount, target)

    def _unmount(self, place: Path) -> None:
        try:
            self._runner.run(["umount", str(place)])
        except CommandError:
            # Something of ours still looks at it; what was written must reach the overlay all the same.
            os.sync()
            self._runner.run(["umount", "-l", str(place)], check=False)

    def _new_folder(self, name: str) -> Path:
        self._count += 1
        place = self._folder / f"{name}{self._count}"
        place.mkdir()
        return place


def _names_subvolume(options: Sequence[str]) -> bool:
    return any(option.startswith(("subvol=", "subvolid=")) for option in options)


def _paths(told: str) -> list[str]:
    """What `btrfs subvolume` lists; the top itself has no path."""
    found = (line.partition(" path ")[2] for line in told.splitlines()[:_MAX_SUBVOLUMES])
    return [path for path in found if path and not path.startswith("/") and ".." not in path.split("/")]


def _is_root(place: Path) -> bool:
    tree = RootTree(place)
    try:
        return is_linux(tree)
    finally:
        tree.close()


def _shown(place: Path) -> str:
    return next((one.source for one in mounts_below(place)), "nothing")


def _not_mounted(slot: Slot, error: CommandError) -> RepairError:
    if slot.kind is Kind.BTRFS and "File exists" in error.said:
        return RepairError(
            "this machine has its btrfs mounted, and a kernel before Linux 6.7 does not mount a copy beside it: unmount it first"
        )
    return RepairError(f"it cannot be mounted: {error.said.splitlines()[0][-200:]}")


def _type_of(slot: Slot) -> str:
    # An ext2 without a journal is mounted by the same driver.
    return {Kind.EXT: "ext4", Kind.XFS: "xfs", Kind.BTRFS: "btrfs"}[slot.kind]


def _unescaped(word: str) -> str:
    return word.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
