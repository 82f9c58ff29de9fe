"""`xeninstall check FILE`: every error of an answer file at once."""

import argparse
import json
from pathlib import Path

from xeninstall.answers.load import check
from xeninstall.base.errors import ExitCode


def run(args: argparse.Namespace) -> int:
    """Print the errors, or that there are none; exit 2 when there are any."""
    path = Path("/dev/stdin" if args.answers == "-" else args.answers)
    problems = check(path)
    if args.json:
        found = [{"file": args.answers, "line": problem.line, "key": problem.key, "text": problem.text} for problem in problems]
        print(json.dumps({"valid": not problems, "problems": found}, indent=2))
    elif problems:
        for problem in problems:
            print(problem.shown(args.answers))
    else:
        print(f"{args.answers}: no errors")
    return ExitCode.USAGE if problems else ExitCode.DONE
