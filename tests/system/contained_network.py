"""Run inside of a container by test_bootstrap_network.py: moves this system's network as `xeninstall bootstrap` would.

A container's card is one end of a veth pair, which has no permanent address to be matched by and no PCI device to be found by.
"""

import sys
import tomllib

from xeninstall.answers.model import Answers
from xeninstall.base.run import SystemRunner
from xeninstall.bootstrap.model import TryNetwork
from xeninstall.bootstrap.moving import Moving
from xeninstall.bootstrap.present import present
from xeninstall.bootstrap.prove import Prover
from xeninstall.bootstrap.trial import RolledBack, Trial
from xeninstall.machine.look import Look
from xeninstall.machine.model import Nic
from xeninstall.machine.probe import probe
from xeninstall.plan.model import WriteFile


def main(seconds: int, toml: str) -> int:
    """0 confirmed, 1 put back, 7 nothing to do."""
    runner = SystemRunner()
    found = present(Look(runner))
    answers = Answers.model_validate({"flow": "bootstrap", **tomllib.loads(toml)})
    nic = Nic(name="eth0", mac="52:54:00:c0:ff:ee")
    actions = Moving(answers, probe(runner), found, (nic,)).actions()
    if not actions:
        return 7
    (action,) = actions
    assert isinstance(action, TryNetwork)
    files = [_by_name(change) if isinstance(change, WriteFile) else change for change in action.files]
    left = [change for change in files if not (isinstance(change, WriteFile) and _is_there(change))]
    if not left:
        return 7
    trial = Trial(runner)
    trial.begin(action.model_copy(update={"files": tuple(left)}), seconds)
    try:
        trial.wait(Prover(runner, action.addresses, action.gateway, None, action.leased), seconds, print)
    except RolledBack as error:
        print(error.message)
        return 1
    return 0


def _by_name(change: WriteFile) -> WriteFile:
    text = change.text.replace("PermanentMACAddress=52:54:00:c0:ff:ee\nKind=!*", "Name=eth0")
    return change.model_copy(update={"text": text})


def _is_there(change: WriteFile) -> bool:
    try:
        with open(change.path) as file:
            return file.read() == change.text
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
