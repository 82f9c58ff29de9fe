"""`p2v restore IMAGE --to DISK`: an image back onto a disk."""

import argparse
import threading
from pathlib import Path

from xeninstall.base.run import SystemRunner

from ..restore import Restoration, restore
from .progress import shown


def run(args: argparse.Namespace) -> int:
    """Restore."""
    asked = Restoration(Path(args.image), Path(args.to), args.disk, check=not args.no_verify, wipe=args.wipe)
    restore(asked, SystemRunner(), shown(as_json=args.json), threading.Event())
    return 0
