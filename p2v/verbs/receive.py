"""`p2v receive`: started over SSH by the other end; it speaks frames on standard input and output."""

import argparse
import sys
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import SystemRunner

from ..receive.session import Host, Session
from ..target.wire import Link, WireError

# A sender that was lost without a word must not keep its disks in use here for ever.
_SILENCE_SECONDS = 600
_IMAGES = "/var/lib/xen/images"


def run(args: argparse.Namespace) -> int:
    """Serve one connection."""
    folders = args.files if args.files is not None else [_IMAGES]
    host = Host(tuple(map(Path, folders)), Path(args.state), Path(args.configs), thin=not args.no_thin)
    if sys.stdin.isatty():
        raise Error(
            "this end of a conversion is started by the other one, over SSH",
            hint="on the machine to convert: p2v convert DISK --to ssh://root@THIS-HOST",
        )
    link = Link(sys.stdin.fileno(), sys.stdout.fileno(), _SILENCE_SECONDS)
    try:
        Session(host, link, SystemRunner()).run()
    except WireError as error:
        raise Error(f"the other end broke the rules: {error}", hint="use the same version of p2v on both ends") from None
    return 0
