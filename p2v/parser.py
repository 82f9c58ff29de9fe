"""The command line as argparse sees it: the manual page is made from it, too."""

import argparse

from . import __version__
from .image.table import FORMATS
from .request import PAGE_FILES
from .target.coding import Wire
from .vm.model import Mode


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="p2v",
        description="Make virtual machine images of a computer's disks, at the speed of what is in use on them.",
        epilog="Exit status: 0 done, 1 failed, 2 bad usage, 3 requirements not met, 4 stopped and resumable.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"p2v {__version__}", help="print the version and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)

    mounted = "accept a disk that is mounted for writing: it is copied whole, as after a power cut"
    machine = (
        "inventory of the machine that the disks come from, by xeninstall probe --json (default: this one, for its own disks)"
    )
    drivers = "driver packages for Windows, unpacked, such as virtio-win's"
    hibernation = "repair a hibernated Windows: what was open in it is lost, in the image"
    drop = "leave out page-files: what Windows and Linux keep in page, swap and old hibernation files"
    unlock = "passphrase of encrypted volumes (LUKS): file:PATH, env:NAME, fd:NUMBER, or ask; again for several"
    everything = "copy every byte, also what no file system uses"

    inspect = add("inspect", "show which systems and volumes are on disks, how much is in use, and what cannot be mapped and why")
    inspect.add_argument("disks", metavar="DISK", nargs="+", help="block device or image file; it is only read")
    inspect.add_argument("--allow-mounted", action="store_true", help=mounted)
    inspect.add_argument("--unlock", metavar="SOURCE", action="append", default=[], help=unlock)
    inspect.add_argument("--json", action="store_true", help="print it as JSON")

    show = add("map", "print the block map of a disk, as a ddrescue map")
    show.add_argument("disk", metavar="DISK", help="block device or image file; it is only read")
    show.add_argument("--drop", action="append", default=[], choices=[PAGE_FILES], help=drop)
    show.add_argument("--everything", action="store_true", help=everything)
    show.add_argument("--allow-mounted", action="store_true", help=mounted)
    show.add_argument("--json", action="store_true", help="print it as JSON")

    before = add("preflight", "say what stands against a conversion, how much it is and how long it takes, and change nothing")
    before.add_argument("disks", metavar="DISK", nargs="+", help="block device or image file; it is only read")
    before.add_argument(
        "--to",
        metavar="DEST",
        default=".",
        help="file, folder or target that the image would go to: its space is looked at (default: here)",
    )
    before.add_argument(
        "--format", choices=list(FORMATS), help="format of the image (default raw, and what the target stores on a target)"
    )
    before.add_argument("--allow-mounted", action="store_true", help=mounted)
    before.add_argument("--machine", metavar="FILE", help=machine)
    before.add_argument("--no-repair", action="store_true", help="judge a conversion that leaves the system as it is")
    before.add_argument("--drivers", metavar="FOLDER", help=drivers)
    before.add_argument("--drop-hibernation", action="store_true", help=hibernation)
    before.add_argument("--unlock", metavar="SOURCE", action="append", default=[], help=unlock)
    before.add_argument("--limit", metavar="RATE", help="estimate for at most this much a second, such as 50M")
    before.add_argument("--json", action="store_true", help="print it as JSON")
    _add_login_options(before)

    convert = add("convert", "make images of disks")
    convert.add_argument("disks", metavar="DISK", nargs="*", help="block device or image file; it is only read")
    convert.add_argument(
        "--answers",
        metavar="FILE",
        help="do what an answer file with flow convert says; no DISK and no other option but --machine and --json goes with it",
    )
    convert.add_argument(
        "--to", metavar="DEST", help="file, folder, disk (with raw), - for standard output, or a target such as ssh://root@HOST"
    )
    convert.add_argument(
        "--format", choices=list(FORMATS), help="format of the image (default qcow2, and what the target stores on a target)"
    )
    convert.add_argument("--drop", action="append", default=[], choices=[PAGE_FILES], help=drop)
    convert.add_argument("--everything", action="store_true", help=everything)
    convert.add_argument("--overlay", metavar="FILE", help="take the disk with the changes that p2v overlay put into FILE")
    convert.add_argument("--allow-mounted", action="store_true", help=mounted)
    convert.add_argument("--compress", action="store_true", help="compress the image: qcow2 by zstd, vmdk by deflate")
    convert.add_argument(
        "--checksum", choices=["xxhash", "sha1"], default="xxhash", help="checksums within an xva; sha1 for hosts before 2021"
    )
    convert.add_argument(
        "--name", metavar="NAME", default="p2v", help="name of the machine in an ova or xva, or on a target (default %(default)s)"
    )
    convert.add_argument("--limit", metavar="RATE", help="write at most this much a second for each image, such as 50M")
    convert.add_argument("--resume", action="store_true", help="go on with a stopped conversion to the same place")
    repair = convert.add_mutually_exclusive_group()
    repair.add_argument(
        "--repair", action="store_true", help="make the system boot as a virtual machine, in the image; the disk stays as it is"
    )
    repair.add_argument("--no-repair", action="store_true", help="leave the system as it is (the default so far)")
    repair.add_argument("--plan", action="store_true", help="show what --repair would change, and write nothing")
    convert.add_argument("--machine", metavar="FILE", help=machine)
    convert.add_argument("--drivers", metavar="FOLDER", help=drivers)
    convert.add_argument("--drop-hibernation", action="store_true", help=hibernation)
    convert.add_argument("--unlock", metavar="SOURCE", action="append", default=[], help=unlock)
    convert.add_argument(
        "--bridge",
        metavar="[NIC=]BRIDGE",
        action="append",
        default=[],
        help="bridge of the host for a network card, by its name or MAC address, or for all (default xenbr0)",
    )
    convert.add_argument(
        "--define", action="store_true", help="write the machine's definition for xl and for libvirt beside the image"
    )
    convert.add_argument("--json", action="store_true", help="print the progress events a line each, as JSON")
    _add_target_options(convert)

    receive = add("receive", "take a machine that is sent to this host; the other end starts this, over SSH")
    receive.add_argument(
        "--files",
        metavar="FOLDER",
        action="append",
        help="folder for disks as files (default /var/lib/xen/images where it exists); thin pools are found by themselves",
    )
    receive.add_argument("--no-thin", action="store_true", help="leave thin pools alone")
    receive.add_argument(
        "--state", metavar="FOLDER", default="/var/lib/p2v/incoming", help="where half-done work is noted (default %(default)s)"
    )
    receive.add_argument(
        "--configs", metavar="FOLDER", default="/etc/xen", help="where machines are defined (default %(default)s)"
    )

    overlay = add("overlay", "show a disk as a file that can be changed, while the changes go into a file of their own")
    overlay.add_argument("disk", metavar="DISK", help="block device or image file; it is only read")
    overlay.add_argument("file", metavar="FILE", help="qcow2 file for the changes; it is made, or taken up again")
    overlay.add_argument("--at", metavar="VIEW", required=True, help="new file that is the disk while the command runs")
    overlay.add_argument("--allow-mounted", action="store_true", help=mounted)

    verify = add("verify", "read an image again and compare it with the digests taken when it was made")
    verify.add_argument("image", metavar="IMAGE", help="image that p2v convert made, with its journal IMAGE.p2v beside it")
    verify.add_argument("--json", action="store_true", help="print the progress events a line each, as JSON")

    restore = add("restore", "write an image back onto a disk")
    restore.add_argument("image", metavar="IMAGE", help="image that p2v convert made, with its journal IMAGE.p2v beside it")
    restore.add_argument("--to", metavar="DISK", required=True, help="block device, or new file; a device loses what it holds")
    restore.add_argument("--disk", metavar="N", type=int, help="which disk of an ova or xva with several, counted from 1")
    restore.add_argument("--wipe", action="store_true", help="write zeros wherever the image has nothing, which takes longer")
    restore.add_argument("--no-verify", action="store_true", help="do not verify the image before the first byte is written")
    restore.add_argument("--json", action="store_true", help="print the progress events a line each, as JSON")

    man = add("man", "show the manual page")
    man.add_argument("--roff", action="store_true", help="print the page's source instead of showing it")
    return parser


def _add_target_options(verb: argparse.ArgumentParser) -> None:
    """How a target is reached, and what happens there."""
    verb.add_argument("--start", action="store_true", help="start the machine on the target when it is there")
    verb.add_argument(
        "--trial",
        action="store_true",
        help="start the machine there once without a network, on copies of its disks, until its login (ssh, xapi, libvirt+ssh)",
    )
    verb.add_argument("--marker", metavar="TEXT", default="", help="text on its console that also means that it is up")
    verb.add_argument(
        "--mode", choices=list(Mode), help="how Xen runs the machine (default: hvm where the host can, and with --define)"
    )
    verb.add_argument("--no-verify", action="store_true", help="do not read the disks again on the target and compare them")
    verb.add_argument(
        "--discard", action="store_true", help="remove what a stopped conversion of this name left on the target, and begin anew"
    )
    _add_login_options(verb)
    verb.add_argument("--streams", metavar="N", type=int, default=2, help="connections a disk over SSH (default %(default)s)")
    verb.add_argument(
        "--wire", choices=list(Wire), default=Wire.AUTO, help="compress what is sent over SSH; auto measures whether it pays"
    )
    verb.add_argument(
        "--scratch",
        metavar="FOLDER",
        default="/var/tmp/p2v",
        help="where repairs are kept while a conversion to a target lasts, or waits to be resumed (default %(default)s)",
    )


def _add_login_options(verb: argparse.ArgumentParser) -> None:
    """How somebody is let in there."""
    verb.add_argument("--host-key", metavar="SHA256:HASH", default="", help="fingerprint of the key that the SSH host must show")
    verb.add_argument("--identity", metavar="FILE", default="", help="private key to log in with over SSH")
    verb.add_argument(
        "--password", metavar="SOURCE", help="password of the target's user: file:PATH, env:NAME, fd:NUMBER, or ask"
    )
    verb.add_argument(
        "--fingerprint",
        metavar="SHA256",
        action="append",
        default=[],
        help="fingerprint of a certificate that the target must show over TLS; again for each host of a pool",
    )
    verb.add_argument(
        "--ca", metavar="FILE", default="", help="authorities' certificates for TLS, in PEM (default: the usual ones)"
    )
