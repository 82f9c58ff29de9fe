"""`xeninstall completion bash`: to be sourced, or put into /etc/bash_completion.d."""

import argparse

from xeninstall.man.completion import bash_completion


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from xeninstall.cli import build_parser

    del args
    print(bash_completion(build_parser()), end="")
    return 0
