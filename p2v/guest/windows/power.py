"""Fast start-up leaves a half hibernated system at each shutdown; a virtual machine's disk must be whole then."""

from .model import Change, Planned, Repair, SetValue, Value, Windows


def _plan(guest: Windows) -> Planned:
    key = guest.control("Session Manager\\Power")
    changes: list[Change] = []
    enabled = guest.system.value(key, "HiberbootEnabled")
    if guest.version >= (6, 2) and (enabled is None or enabled.number != 0):
        changes.append(SetValue("SYSTEM", key, "HiberbootEnabled", Value.of(0), "fast start-up is off"))
    return Planned(tuple(changes))


REPAIR = Repair("power", "shutting down means shutting down", _plan)
