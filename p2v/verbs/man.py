"""`p2v man`: the manual page, also where no manual is installed."""

import argparse
import sys
import tempfile
from importlib.resources import files

from xeninstall.base.run import SystemRunner, find_tool
from xeninstall.man.render import render_command_page

from ..parser import build_parser


def page() -> str:
    """p2v(1) as roff."""
    return render_command_page(build_parser(), files("p2v.man") / "p2v.1.in")


def run(args: argparse.Namespace) -> int:
    """Print it, formatted where the machine has a formatter."""
    text = page()
    if args.roff or find_tool("groff") is None:
        sys.stdout.write(text)
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".roff") as file:
        file.write(text)
        file.flush()
        sys.stdout.write(SystemRunner().run(["groff", "-man", "-Tutf8", "-P-c", "-P-b", "-P-u", file.name]).stdout)
    return 0
