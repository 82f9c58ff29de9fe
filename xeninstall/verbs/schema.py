"""`xeninstall schema`: the JSON Schema of answer files."""

import argparse
import json

from xeninstall.answers.schema import schema


def run(args: argparse.Namespace) -> int:
    """Print it."""
    del args
    print(json.dumps(schema(), indent=2))
    return 0
