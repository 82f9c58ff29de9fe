"""A stop error stays on the screen, where it can be read, instead of starting the machine again and again."""

from .model import Planned, Repair, SetValue, Value, Windows


def _plan(guest: Windows) -> Planned:
    key = guest.control("CrashControl")
    value = guest.system.value(key, "AutoReboot")
    if value is not None and value.number == 0:
        return Planned()
    return Planned((SetValue("SYSTEM", key, "AutoReboot", Value.of(0), "a stop error stays on the screen"),))


REPAIR = Repair("crash", "a stop error can be read", _plan)
