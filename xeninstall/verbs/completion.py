"""`xeninstall completion bash`: to be sourced, or put into /etc/bash_completion.d."""

import argparse

from xeninstall.man.completion import bash_completion
from xeninstall.parser import build_parser


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    del args
    print(bash_completion(build_parser()), end="")
    return 0
