"""`python -m p2v` and the `p2v` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
