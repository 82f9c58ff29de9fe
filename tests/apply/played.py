"""An installation whose programs are played: mounts are renamed directories, unsquashfs makes a few files, mtools keep theirs
in a dictionary. What xeninstall does itself — partitions' places, files, journal, boot code, verification — is real.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.given import SYSTEM, Recorder, image_plan
from xeninstall.apply.execute import Files, execute
from xeninstall.apply.journal import Journal
from xeninstall.base.events import Event
from xeninstall.base.run import Completed
from xeninstall.packs.model import Pack
from xeninstall.plan.model import MakeFilesystem, Plan
from xeninstall.plan.system_image import SystemImage

_TREE = {
    "boot/grub/i386-pc/boot.img": b"\xeb" * 512,
    "boot/grub/i386-pc/core.img": b"core" * 512,
    "usr/lib/shim/shimx64.efi.signed": b"shim",
    "usr/lib/shim/mmx64.efi.signed": b"mok manager",
    "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed": b"grub",
    **{path.lstrip("/"): path.encode() for path in SYSTEM.boot_files},
}


@dataclass
class Host:
    """One target image, its played programs, and what was seen of the runs onto it."""

    place: Path
    toml: str = ""
    disturb: Callable[[tuple[str, ...]], Completed | BaseException | None] = lambda argv: None
    emit: Callable[[Event], None] = lambda event: None
    events: list[Event] = field(default_factory=list)
    esp: dict[str, bytes] = field(default_factory=dict)
    mounted: dict[str, str] = field(default_factory=dict)
    loops: set[str] = field(default_factory=set)
    free_inodes: int = 10**6
    packs: tuple[Pack, ...] = ()

    def __post_init__(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        self.runner = Recorder(self._play)
        squashfs = self.place / "system.squashfs"
        squashfs.write_bytes(b"squashfs" * 100)
        digest = hashlib.sha256(squashfs.read_bytes()).hexdigest()
        boot = {path: hashlib.sha256(path.encode()).hexdigest() for path in SYSTEM.boot_files}
        changes: dict[str, object] = {"sha256": digest, "size_bytes": 800, "unpacked_bytes": 0, "boot_files": boot}
        self.image: SystemImage = SYSTEM.model_copy(update=changes)
        self.target = self.place / "host.img"
        self.files = Files(squashfs, self.place / "host.img.journal.json", self.place / "host.img.log")

    def plan(self) -> Plan:
        plan = image_plan(self.toml, path=str(self.target), packs=self.packs)
        boot, unpack = self.image.boot_files, {"sha256": self.image.sha256, "unpacked_bytes": 0}
        changed: dict[str, dict[str, object]] = {"verify-host": {"boot_files": boot}, "unpack-system": unpack}
        stages = tuple(
            stage.model_copy(update={"actions": tuple(act.model_copy(update=changed.get(act.do, {})) for act in stage.actions)})
            for stage in plan.stages
        )
        return plan.model_copy(update={"stages": stages})

    def run(self, *, resume: bool = False) -> None:
        """One run of the installer, from the start or from the journal."""
        plan = self.plan()
        journal = Journal.read(self.files.journal) if resume else Journal.start(plan)
        files = replace(self.files, packs=self.packs)
        execute(plan, self.image, files, self.runner, self._seen, journal)

    def tree(self) -> dict[str, bytes]:
        """The host's files, by path."""
        root = self.place / "root file system"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    @property
    def released(self) -> bool:
        """Nothing is mounted, no loop device is left."""
        return not self.mounted and not self.loops

    def _seen(self, event: Event) -> None:
        self.events.append(event)
        self.emit(event)

    def _play(self, argv: tuple[str, ...]) -> Completed | BaseException | None:
        disturbed = self.disturb(argv)
        if disturbed is not None:
            return disturbed
        said = ""
        match argv:
            case ("losetup", "--find", *_):
                self.loops.add(said := str(self.place / f"loop{len(self.runner.ran)}"))
            case ("losetup", "--detach", node):
                self.loops.discard(node)
            case ("mount", "-t", kind, *_, point):
                self._mount(kind, Path(point))
            case ("umount", point):
                self._unmount(Path(point))
            case ("unsquashfs", *_, root, _):
                self._unpack(Path(root))
            case ("chroot", root, "update-grub"):
                uuid = next(act.uuid for stage in self.plan().stages for act in stage.actions if isinstance(act, MakeFilesystem))
                Path(root, "boot/grub/grub.cfg").write_text(f"Debian, with Xen hypervisor multiboot2 {uuid}")
            case ("chroot", _, "lsinitramfs", _):
                said = "usr/lib/modules/x/updates/xeninstall/acme-raid/raid.ko\n"
            case ("chroot", root, "update-initramfs", *_, kernel):
                Path(root, f"boot/initrd.img-{kernel}").write_bytes(b"built anew")
            case ("mkfs.ext4", *_):
                shutil.rmtree(self.place / "root file system", ignore_errors=True)
            case ("mkfs.vfat", *_):
                self.esp.clear()
            case ("mcopy", "-o", "-i", _, source, place) if place.startswith("::"):
                self.esp[place] = Path(source).read_bytes()
            case ("mcopy", "-o", "-i", _, place, source):
                Path(source).write_bytes(self.esp[place])
        return Completed(argv, 0, said, "")

    def _mount(self, kind: str, point: Path) -> None:
        kept = self.place / "root file system"
        if kind == "ext4" and kept.exists():
            point.rmdir()
            kept.rename(point)
        self.mounted[str(point)] = kind

    def _unmount(self, point: Path) -> None:
        kind = self.mounted.pop(str(point))
        if kind == "ext4":
            point.rename(self.place / "root file system")
            point.mkdir()
        elif kind == "tmpfs":
            shutil.rmtree(point)
            point.mkdir()

    def _unpack(self, root: Path) -> None:
        for name, data in _TREE.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for name in ("proc", "sys", "run", "dev", "usr/sbin"):
            (root / name).mkdir(exist_ok=True)
        self.free_inodes -= SYSTEM.inodes - 1

    def statvfs(self, _path: object) -> os.statvfs_result:
        """Of a file system that only this installation writes to."""
        return os.statvfs_result((4096, 4096, 10**7, 10**7, 10**7, 10**7, self.free_inodes, self.free_inodes, 0, 255))
