"""Converting this machine into a virtual machine: which disks, where to, and what the machine shall be there."""

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from .fields import CountOrAuto, Flag, Like, Nic, Section, SizeBytes, SizeOrAuto, Text, wrong

_Path = Annotated[str, Like(r"/[!-~][ -~]{0,1000}", "an absolute path", "write it like /dev/disk/by-id/… or /srv/old.img")]
_File = Annotated[str, Like(r"[!-~][ -~]{0,1000}", "the name of a file", "write it like /root/key, or key for one beside it")]
_VmName = Annotated[
    str,
    Like(r"[A-Za-z0-9_.+][A-Za-z0-9_.+ -]{0,78}[A-Za-z0-9_.+]|[A-Za-z0-9_.+]", "a name for a virtual machine",
         "use letters, digits, and . _ + - within 80 characters"),
]  # fmt: skip
_Bridge = Annotated[str, Like(r"[A-Za-z0-9_.:-]{1,40}", "the name of a bridge", "write it like xenbr0")]
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,20}://")


def _target(value: str) -> str:
    if not 0 < len(value) <= 2000:
        raise wrong("empty" if not value else f"{len(value)} characters are too many", "name a folder or a URL")
    if not value.isprintable():
        raise wrong("holds a line break or another control character", "write it on one line")
    if _SCHEME.match(value):
        place = urlsplit(value)
        if place.password is not None:
            # Not repeated: it holds a password.
            raise wrong("the URL holds a password", "leave the password out of it")
        return value
    if value.startswith(("LABEL=", "UUID=")):
        name, colon, path = value.partition("=")[2].partition(":")
        if not name or "/" in name or (colon and not path.startswith("/")):
            raise wrong("not a label and a folder", "write it like LABEL=BACKUP:/machines")
        return value
    if not value.startswith("/"):
        raise wrong("neither an absolute path nor a URL", "write it like /mnt/backup, LABEL=BACKUP:/machines or nfs://host/path")
    return value


class ImageFormat(StrEnum):
    """What is written into a folder."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VHD = "vhd"
    VMDK = "vmdk"
    OVA = "ova"
    XVA = "xva"
    VDI = "vdi"
    VHDX = "vhdx"


class XenMode(StrEnum):
    """How Xen runs the virtual machine."""

    AUTO = "auto"
    HVM = "hvm"
    PVH = "pvh"
    PV = "pv"


class Dropped(StrEnum):
    """What need not be copied."""

    PAGE_FILES = "page-files"


class Source(Section):
    """One disk that is converted, named by exactly one of its keys."""

    serial: Text | None = Field(None, description="Serial number, as `xeninstall probe` prints it.")
    wwn: Text | None = Field(None, description="World Wide Name, as `xeninstall probe` prints it.")
    path: _Path | None = Field(None, description="Device path, best of /dev/disk/by-id, or an image file.")


class NicBridge(Section):
    """Where one network card goes."""

    nic: Nic = Field(description="The card, by name or MAC address; it keeps its MAC address.")
    bridge: _Bridge = Field(description="The bridge of the host that it is attached to.")


class Convert(Section):
    """The conversion of this machine into a virtual machine, with flow = "convert" above the first table.

    Its disks are only read. See p2v(1).
    """

    name: _VmName | None = Field(None, description="Name of the virtual machine; needed.")
    target: Annotated[str, AfterValidator(_target)] | None = Field(
        None,
        description="Where it goes; needed. A folder such as /mnt/backup, one of a disk that is mounted for it "
        "(LABEL=BACKUP:/machines, or UUID=), of a server (nfs://host/path), or a host as p2v(1) writes it, such as "
        "ssh://root@xen1/xenvg/thin or xapi://root@xcp1.",
    )
    host_key: Text | None = Field(
        None, description="Fingerprint of the SSH host's key, SHA256:…, or of the certificate; a password goes to no other host."
    )
    ca: _File | None = Field(
        None, description="Certificates (PEM) of the authorities that answer for a host over TLS; relative to the answer file."
    )
    identity: _File | None = Field(
        None, description="File with the private key to log in with, relative to the answer file: one beside it comes along."
    )
    password_file: _File | None = Field(
        None, description="File with the password, or the key's passphrase, on its first line, relative to the answer file."
    )
    discard: Flag = Field(
        False, description="Begin anew: remove what a stopped conversion of this name left on a xeninstall host."
    )
    start: Flag = Field(False, description="Start the virtual machine on the host when it is complete.")
    format: ImageFormat = Field(ImageFormat.QCOW2, description="Format of the images in a folder.")
    compress: Flag = Field(False, description="Compress the images (qcow2 and vmdk).")
    mode: XenMode = Field(
        XenMode.AUTO,
        description="How Xen runs it: hvm as a whole computer, pvh and pv by its kernel's help; auto: hvm where the host can.",
    )
    vcpus: CountOrAuto = Field("auto", description="Virtual CPUs; auto: as many as this machine has threads, 64 at most.")
    memory: SizeOrAuto = Field("auto", description="Memory, such as 4G; auto: as much as this machine has, 256 GiB at most.")
    bridge: _Bridge = Field("xenbr0", description="The bridge of the host for every card that convert.nics does not name.")
    nics: tuple[NicBridge, ...] = Field((), max_length=32, description="Cards with bridges of their own.")
    source: tuple[Source, ...] = Field((), max_length=64, description="Disks; without any, every disk that is built into it.")
    repair: Flag = Field(True, description="Make the system boot as a virtual machine, in the image; false leaves it as it is.")
    drop: tuple[Dropped, ...] = Field(
        (), max_length=8, description="What to leave out. page-files: what Windows and Linux keep in page and swap files."
    )
    drop_hibernation: Flag = Field(
        False, description="Repair a hibernated Windows too: what was open in it is lost, in the image."
    )
    drivers: tuple[_File, ...] = Field(
        (),
        max_length=16,
        description="Folders with driver packages for Windows, unpacked, such as virtio-win's, relative to the answer file: "
        "those beside it come along.",
    )
    unlock: tuple[_File, ...] = Field(
        (),
        max_length=16,
        description="Files with passphrases of encrypted volumes (LUKS), each on its first line, relative to the answer file: "
        "those beside it come along. The volumes are repaired inside.",
    )
    limit: SizeBytes | None = Field(None, description="Write at most this much a second for each image, such as 50M.")
    verify: Flag = Field(True, description="Read the images again at the end, and compare them with the digests.")
    test_boot: Flag = Field(
        False,
        description="Start the virtual machine once, without a network, and call it converted only when it asks for a login: "
        "in QEMU from images in a folder, by Xen over ssh:// or xapi://, by libvirt over libvirt+ssh://.",
    )
    test_marker: Text | None = Field(
        None, description="Text on its serial console that also means that it is up, where nothing asks for a login."
    )
