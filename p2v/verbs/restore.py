"""`p2v restore IMAGE --to DISK`: an image back onto a disk."""

import argparse
import threading
from pathlib import Path

from xeninstall.base.run import SystemRunner

from ..restore import restore
from .progress import shown


def run(args: argparse.Namespace) -> int:
    """Restore."""
    emit = shown(as_json=args.json)
    check = not args.no_verify
    restore(Path(args.image), Path(args.to), SystemRunner(), emit, threading.Event(), check=check, wipe=args.wipe)
    return 0
