"""`xeninstall man [PAGE]`: the manual, also where no manual is installed."""

import argparse
import sys
import tempfile

from xeninstall.base.run import SystemRunner, find_tool
from xeninstall.man.render import render_answers_page, render_boot_page, render_command_page
from xeninstall.parser import build_parser


def run(args: argparse.Namespace) -> int:
    """Print the page, formatted where the machine has a formatter."""
    match args.page:
        case "xeninstall.8":
            text = render_command_page(build_parser())
        case "xeninstall-boot.7":
            text = render_boot_page()
        case _:
            text = render_answers_page()
    if args.roff or find_tool("groff") is None:
        sys.stdout.write(text)
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".roff") as file:
        file.write(text)
        file.flush()
        sys.stdout.write(SystemRunner().run(["groff", "-man", "-Tutf8", "-P-c", "-P-b", "-P-u", file.name]).stdout)
    return 0
