"""The recorded machines in tests/data/machines: computers made of files that the real probe looked at.

What lies in the JSON files is what `probe` makes of them, so contents, obstacles and verdicts cannot drift from the code.
After a change that is meant: python -m tests.machine.recorded
"""

import tempfile
from pathlib import Path

from .computer import Computer
from .machines import MACHINES

DATA = Path(__file__).parent.parent / "data" / "machines"


def record(name: str, root: Path) -> str:
    """What the probe makes of one of the machines, as JSON."""
    computer = Computer(root)
    MACHINES[name](computer)
    return computer.probe().to_json()


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    for machine in MACHINES:
        with tempfile.TemporaryDirectory() as place:
            (DATA / f"{machine}.json").write_text(record(machine, Path(place)))
