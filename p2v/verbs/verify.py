"""`p2v verify IMAGE`: is it still what was made?"""

import argparse
from pathlib import Path

from xeninstall.base.run import SystemRunner
from xeninstall.base.sizes import format_size

from ..verify import verify
from .progress import shown


def run(args: argparse.Namespace) -> int:
    """Verify, and say what was compared."""
    found = verify(Path(args.image), SystemRunner(), shown(as_json=args.json))
    if not args.json:
        print(f"{args.image}: {format_size(found.bytes)} in {found.chunks} chunks are right (manifest sha256 {found.manifest})")
    return 0
