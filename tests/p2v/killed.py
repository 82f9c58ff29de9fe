"""`p2v` with checkpoints so frequent that a test can kill it between two of them: python -m tests.p2v.killed ARGUMENTS."""

import sys

import p2v.copy
from p2v.cli import main

p2v.copy.CHECKPOINT_SECONDS = 0.03

if __name__ == "__main__":
    sys.exit(main())
