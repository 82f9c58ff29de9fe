"""`xeninstall prove`: does the network that an answer file describes work here, before a disk is touched?"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from xeninstall.answers.load import load
from xeninstall.base.errors import ExitCode
from xeninstall.base.run import SystemRunner


def run(args: argparse.Namespace) -> int:
    """Print each result as it comes; exit 1 when something failed."""
    from xeninstall.apply.proof.prove import Subject, interfaces, prove
    from xeninstall.apply.proof.results import Outcome
    from xeninstall.machine.probe import probe

    answers, runner = load(Path(args.answers)), SystemRunner()
    names = tuple(args.interface or ()) or interfaces(answers.network, probe(runner))
    code = ExitCode.DONE
    for result in prove(Subject(names, answers.network, answers.dns, answers.time), runner):
        if result.outcome is Outcome.FAILED:
            code = ExitCode.FAILED
        shown = json.dumps(asdict(result)) if args.json else f"{result.outcome:<7} {result.name:<8} {result.text}"
        print(shown, flush=True)
    return code
