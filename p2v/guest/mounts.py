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
from xeninstall.base.run import CommandError, Runner

from ..layout.model import Kind
from .apply import RepairError
from .esp import Esp, staged
from .inspect import inspect, is_linux
from .linux.names import logical_names, resolve
from .loops import loop_device
from .model import BootPlace, Guest, Hardware, Named
from .mountinfo import mounted_below
from .slots import MOUNTABLE, Slot
from .tree import Kind as Is
from .tree import RootTree, text

# What repairs read or write. A guest's other file systems stay as they are, and are not even mounted.
_WANTED = ("/boot", "/efi", "/usr", "/var", "/opt")
_OPTIONS = {Kind.XFS: ("nouuid",), Kind.BTRFS: ("subvolid=5",), Kind.EXT: ()}
_MAX_ENTRIES = 64
_KNOWN_SUBVOLUMES = ("@", "@rootfs", "root", "@root")
_Fits = Callable[[Named], bool]


@dataclass
class Found:
    """A system, put together below `tree.root`."""

    tree: RootTree
    guest: Guest
    slot: Slot
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
        found = [bench.put_together(slot, top) for slot in slots if slot in bench.tops for top in bench.roots(slot)]
        yield found, bench.remarks


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

    def roots(self, slot: Slot) -> list[Path]:
        """The folders of a file system that are roots: itself, or subvolumes of btrfs."""
        top = self.tops[slot]
        paths = self._subvolumes(top) if slot.kind is Kind.BTRFS else ["."]
        inside = RootTree(top)
        try:
            # Resolved within: the name of a subvolume may as well be a link.
            places = [top / inside.real(f"/{path}").lstrip("/") for path in paths if inside.kind(f"/{path}") is Is.FOLDER]
        finally:
            inside.close()
        # Snapshots are roots, too; the first is the one that is started.
        return [place for place in places if _is_root(place)][:1]

    def put_together(self, slot: Slot, top: Path) -> Found:
        """The system with its other file systems in their places."""
        root = self._new_folder("root")
        self._bind(top, root)
        tree = RootTree(root)
        self._stack.callback(tree.close)
        found = Found(tree, inspect(tree, self._hardware), slot)
        boot = BootPlace(slot.named, f"/{top.relative_to(self.tops[slot]) / 'boot'}")
        for place, other, options in self._wanted(tree, found):
            self._place(found, place, other, options)
            if place == "/boot":
                boot = BootPlace(other.named, f"/{_subvolume(other, options)}".rstrip("/"))
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
        """Of btrfs: the default one, then those at the top, by the names that installers give."""
        with suppress(CommandError):
            default = self._runner.run(["btrfs", "subvolume", "get-default", str(top)]).stdout.strip()
            path = default.partition(" path ")[2]
            if path and not path.startswith("/") and ".." not in path.split("/"):
                return [path, *_KNOWN_SUBVOLUMES, "."]
        return [*_KNOWN_SUBVOLUMES, "."]

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

    def _place(self, found: Found, place: str, slot: Slot, options: list[str]) -> None:
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
        elif slot in self.tops:
            source = self._subfolder(self.tops[slot], slot, options)
            if source is not None and source != self.tops.get(found.slot):
                self._bind(source, at)

    def _subfolder(self, top: Path, slot: Slot, options: list[str]) -> Path | None:
        if slot.kind is not Kind.BTRFS:
            return top
        name = _subvolume(slot, options)
        if not name:
            return None  # By number, or the default: what is there is in the root's own subvolume already, or not needed.
        tree = RootTree(top)
        try:
            return top / tree.real(f"/{name}").lstrip("/") if tree.kind(f"/{name}") is Is.FOLDER else None
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


def _subvolume(slot: Slot, options: Sequence[str]) -> str:
    """The one that fstab names."""
    named = (option.partition("=")[2] for option in options if option.startswith("subvol="))
    return next(named, "").strip("/") if slot.kind is Kind.BTRFS else ""


def _is_root(place: Path) -> bool:
    tree = RootTree(place)
    try:
        return is_linux(tree)
    finally:
        tree.close()


def _shown(place: Path) -> str:
    return next((one.source for one in mounted_below(place)), "nothing")


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
