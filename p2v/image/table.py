"""The formats by name. Adding one is adding its file and a line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..types import ImageWriter
from ..vm.model import VirtualMachine, from_json
from .model import Disk, Identity
from .null import Null
from .qcow2 import Qcow2
from .raw import Raw
from .vhd import Vhd
from .vmdk import Vmdk

Options = Mapping[str, str]
_COMPRESSION_LEVEL = 1  # deflate beyond it costs far more time than it saves bytes


@dataclass(frozen=True)
class Format:
    """`by_qemu` names what qemu-img makes of the raw image that we write first. `holds_many`: all disks are in one file.

    `compressed_goes_back`: when compressed, it is no forward stream. `instead` says what is done with it where Xen or KVM cannot
    run a machine from it; `{path}` is its file.
    """

    suffix: str
    about: str
    make: Callable[[Sequence[Disk], Identity, Options], ImageWriter]
    holds_many: bool = False
    compresses: bool = False
    compressed_goes_back: bool = False
    by_qemu: str = ""
    qemu_driver: str = ""  # what QEMU calls it
    instead: str = ""

    @property
    def restorable(self) -> bool:
        """Whether the disks can be had back from it."""
        return bool(self.qemu_driver) or self.suffix == "xva"


def _vmdk(disks: Sequence[Disk], identity: Identity, options: Options) -> ImageWriter:
    return Vmdk(disks[0], identity, level=_COMPRESSION_LEVEL if options.get("compress") else 0)


def _ova(disks: Sequence[Disk], identity: Identity, options: Options) -> ImageWriter:
    # Imported when they are asked for: XML brings in half of the standard library, which costs as much time as a map.
    from .ova import Ova

    return Ova(disks, _machine(options), identity)


def _xva(disks: Sequence[Disk], identity: Identity, options: Options) -> ImageWriter:
    from .xva import Xva

    return Xva(disks, _machine(options), identity, checksum=options.get("checksum", "xxhash"))


def _machine(options: Options) -> VirtualMachine:
    described = options.get("machine")
    return from_json(described) if described else VirtualMachine(options.get("name", "p2v"))


def _raw(disks: Sequence[Disk], identity: Identity, options: Options) -> ImageWriter:
    del identity, options
    return Raw(disks[0])


def _qcow2(disks: Sequence[Disk], identity: Identity, options: Options) -> ImageWriter:
    del identity
    if not options.get("compress"):
        return Qcow2(disks[0])
    from .qcow2_zstd import Qcow2Zstd

    return Qcow2Zstd(disks[0])


FORMATS: dict[str, Format] = {
    "raw": Format("img", "the disk as it is, with holes", _raw, qemu_driver="raw"),
    "qcow2": Format(
        "qcow2", "QEMU, KVM, Xen, newest XCP-ng", _qcow2, compresses=True, compressed_goes_back=True, qemu_driver="qcow2"
    ),
    "vhd": Format(
        "vhd", "XCP-ng, XenServer, Hyper-V; up to 2040 GiB", lambda disks, who, _: Vhd(disks[0], who), qemu_driver="vpc"
    ),
    "vmdk": Format(
        "vmdk",
        "VMware, VirtualBox (streamOptimized)",
        _vmdk,
        compresses=True,
        qemu_driver="vmdk",
        instead="import it into VMware or VirtualBox, or make a qcow2 of it: qemu-img convert -O qcow2",
    ),
    "ova": Format(
        "ova",
        "VMware, VirtualBox: all disks in one file",
        _ova,
        holds_many=True,
        qemu_driver="vmdk",
        instead="import it into VMware or VirtualBox: the OVF in it describes the machine",
    ),
    "xva": Format(
        "xva",
        "XCP-ng, XenServer: all disks in one file",
        _xva,
        holds_many=True,
        instead="xe vm-import filename={path}",
    ),
    "vdi": Format(
        "vdi",
        "VirtualBox, by qemu-img",
        _raw,
        by_qemu="vdi",
        qemu_driver="vdi",
        instead="for Xen choose raw, qcow2 or vhd",
    ),
    "vhdx": Format(
        "vhdx",
        "Hyper-V, by qemu-img",
        _raw,
        by_qemu="vhdx",
        qemu_driver="vhdx",
        instead="make a machine of Hyper-V with it as its disk; for Xen or KVM choose raw, qcow2 or vhd",
    ),
    "null": Format(
        "null",
        "nothing that can be opened: measures reading",
        lambda disks, *_: Null(disks[0]),
        instead="choose a format that keeps the disk",
    ),
}
