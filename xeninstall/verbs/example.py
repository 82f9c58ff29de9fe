"""`xeninstall example [NAME]`: answer files to begin with."""

import argparse

from xeninstall.answers.examples import names, summary, text
from xeninstall.base.errors import UsageError


def run(args: argparse.Namespace) -> int:
    """Print one, or list them with what each is for."""
    known = names()
    if args.name is None:
        width = max(len(name) for name in known)
        for name in known:
            print(f"{name:<{width}}  {summary(name)}")
        return 0
    if args.name not in known:
        raise UsageError(f"there is no example {args.name!r}", hint=f"choose from: {', '.join(known)}")
    print(text(args.name), end="")
    return 0
