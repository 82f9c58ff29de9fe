"""The hardware inventory for a conversion: a recorded profile, or this machine where it is its own disks that are converted."""

from collections.abc import Sequence
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner
from xeninstall.machine.model import Machine, MachineError
from xeninstall.machine.probe import probe

from ..guest.model import Card


def inventory(profile: str | None, disks: Sequence[str]) -> Machine | None:
    """The machine that the disks belong to, this one for disks by no path; None for image files of which nobody said.

    Raises UsageError.
    """
    if profile is None:
        return probe(SystemRunner()) if not disks or any(Path(disk).is_block_device() for disk in disks) else None
    try:
        return Machine.from_json(Path(profile).read_bytes())
    except OSError as error:
        raise UsageError(f"{profile} cannot be read: {error.strerror}", hint="record one with: xeninstall probe --json") from None
    except MachineError as error:
        raise UsageError(f"{profile}: {error.message}", hint=error.hint) from None


def cards(machine: Machine | None) -> tuple[Card, ...]:
    """Its network cards, as repairs want them."""
    return tuple(Card(nic.mac.lower(), nic.name, nic.pci) for nic in machine.nics) if machine is not None else ()


def bridges(words: Sequence[str], machine: Machine | None) -> dict[str, str]:
    """`--bridge` arguments: `NIC=BRIDGE` for one card, by name or MAC address, `BRIDGE` for all others. Raises UsageError."""
    known = {name for nic in (machine.nics if machine is not None else ()) for name in (nic.name, nic.mac.lower())}
    found: dict[str, str] = {}
    for word in words:
        nic, sign, bridge = word.rpartition("=")
        if not bridge or (sign and not nic):
            raise UsageError(f"--bridge {word!r} names no bridge", hint="write --bridge xenbr0, or --bridge eth0=xenbr0")
        if sign and machine is not None and nic not in known and nic.lower() not in known:
            raise UsageError(f"--bridge {word!r}: the machine has no card {nic}", hint=f"it has {', '.join(sorted(known))}")
        found[nic.lower() if ":" in nic else nic or "*"] = bridge
    return found
