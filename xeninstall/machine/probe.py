"""The probe: one look at this computer, put together from its parts. It reads, asks, and changes nothing."""

from pathlib import Path

from xeninstall.base.run import Runner

from .controllers import controllers
from .cpu import cpu
from .disks import disks
from .firmware import firmware
from .kernel import kernel
from .look import Look
from .memory import memory_bytes
from .model import Machine
from .network import Stack, nics
from .xen import control_domain


def probe(runner: Runner, root: Path = Path("/"), stack: Stack | None = None) -> Machine:
    """What this computer has. Never fails for what cannot be seen: that becomes a note, or the verdict `unknown`.

    `root` and `stack` replace this host's files and network libraries by recorded ones.
    """
    look = Look(runner, root)
    xen = control_domain(look)
    return Machine(
        cpu=cpu(look, xen),
        memory_bytes=memory_bytes(look, xen),
        firmware=firmware(look),
        kernel=kernel(look, xen),
        disks=disks(look),
        controllers=controllers(look),
        nics=nics(look, stack),
        notes=tuple(look.notes),
    )
