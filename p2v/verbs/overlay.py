"""`p2v overlay DISK FILE --at VIEW`: a disk that can be changed without being changed, for as long as the command runs."""

import argparse
import signal
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner

from ..source.overlay import overlay


def run(args: argparse.Namespace) -> int:
    """Show it, and wait to be stopped."""
    view = Path(args.at)
    if view.exists() and (not view.is_file() or view.stat().st_size):
        raise UsageError(f"{view} is not an empty file", hint="name a new file; the disk is shown in its place")
    made = not view.exists()
    try:
        with overlay(args.disk, Path(args.file), SystemRunner(), view=view, allow_mounted=args.allow_mounted):
            print(f"{args.disk} with the changes in {args.file} is {view}; Ctrl+C ends it", flush=True)
            try:
                signal.pause()
            except KeyboardInterrupt:
                print("ended", flush=True)
    finally:
        if made:
            view.unlink(missing_ok=True)
    return 0
