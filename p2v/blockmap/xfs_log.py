"""Whether an XFS log is clean: what waits in it is not yet in the free-space trees, so that a map would miss blocks in use."""

import re
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner


def unclean(view: Path, runner: Runner) -> str:
    """Why the log forbids a map; empty when it is clean."""
    try:
        said = runner.run(["xfs_logprint", "-t", str(view)], check=False)
    except Error as error:
        return f"{error.message} ({error.hint})"
    state = re.search(r"state: <(\w+)>", said.stdout + said.stderr)
    if state is None:
        return "its log cannot be read"
    return "" if state[1] == "CLEAN" else "it was not unmounted, and its log waits to be replayed"
