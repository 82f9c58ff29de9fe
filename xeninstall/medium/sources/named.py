"""A URL of answers that is different for each machine: `{serial}` and `{mac}` in it are what names this one. Pure."""

from xeninstall.base.errors import UsageError
from xeninstall.base.naming import mac_name, serial_name
from xeninstall.machine.model import Machine, Nic

_ELSE = "or let the server choose: xeninstall.post=URL"


def named(url: str, machine: Machine, boot_mac: str = "") -> str:
    """The URL with the names that `xeninstall answers render` gives to files. `boot_mac` is the card that was started from.

    Raises UsageError when this machine lacks the name that is asked for.
    """
    if "{serial}" in url:
        serial = serial_name(machine.firmware.system_serial)
        if not serial:
            hint = f"name the file by {{mac}} instead, {_ELSE}"
            raise UsageError("xeninstall.answers asks for {serial}, and this machine's firmware has no serial number", hint=hint)
        url = url.replace("{serial}", serial)
    if "{mac}" in url:
        mac = boot_mac or _mac(machine)
        if not mac:
            hint = f"look at its network cards, or name the file by {{serial}}, {_ELSE}"
            raise UsageError("xeninstall.answers asks for {mac}, and no network card was found", hint=hint)
        url = url.replace("{mac}", mac_name(mac))
    return url


def _mac(machine: Machine) -> str:
    """The card that the answers most likely come by: with the default route, else with a link, else the first."""

    def rank(nic: Nic) -> tuple[bool, bool]:
        return not nic.default_route, not nic.link

    return min(machine.nics, key=rank).mac if machine.nics else ""
