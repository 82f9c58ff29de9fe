"""How a machine's serial number and MAC address are written as the name of a file, here and by the machine that asks for it."""

import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def serial_name(serial: str) -> str:
    """`VMware-56 4d` is `VMware-56-4d`: what is no letter, digit, dot, hyphen or underscore becomes a hyphen; so does a dot
    at the beginning. Case is kept.
    """
    name = _UNSAFE.sub("-", serial.strip())
    return f"-{name[1:]}" if name.startswith(".") else name


def mac_name(mac: str) -> str:
    """`52:54:00:AB:CD:EF` is `52-54-00-ab-cd-ef`, as boot loaders write it."""
    return mac.lower().replace(":", "-")
