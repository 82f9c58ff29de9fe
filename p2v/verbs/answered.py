"""`p2v convert --answers FILE`: the conversion that an answer file describes, from the command line."""

import argparse
import sys
import threading
from pathlib import Path

from xeninstall.answers.load import load
from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner

from ..parser import build_parser
from ..to_host import conversion_to
from ..unattended import check, summary
from .inventory import inventory
from .progress import shown

_GO_ALONG = ("verb", "answers", "machine", "json", "disks")


def by_answers(args: argparse.Namespace) -> int:
    """Look at everything, then convert; a try that was stopped goes on."""
    plain = vars(build_parser().parse_args(["convert"]))
    others = [name for name, value in vars(args).items() if name not in _GO_ALONG and value != plain[name]]
    if args.disks or others:
        what = "a DISK" if args.disks else f"--{others[0].replace('_', '-')}"
        raise UsageError(f"{what} is given beside --answers", hint="write it into the answer file, as a key of [convert]")
    answers = load(Path(args.answers))
    if answers.flow != "convert":
        raise UsageError(
            f"{args.answers} is to make a host (flow = {answers.flow.value})",
            hint='write flow = "convert" into it, or use xeninstall',
        )
    source = answers.convert.source
    paths = [one.path for one in source if one.path is not None]
    # A disk by its serial number, or none that is named, is this machine's.
    machine = inventory(args.machine, paths if len(paths) == len(source) else [])
    conversion = conversion_to(answers.convert, machine, SystemRunner())
    found = conversion.preflight()
    check(found)
    if not args.json:
        print(summary(answers, found), file=sys.stderr)
    conversion.perform(shown(as_json=args.json), threading.Event())
    return 0
