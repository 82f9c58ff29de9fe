"""Answer files of the matrix: the parts that all share, and what each changes."""

from .conftest import EXAMPLE
from .qemu import processors

_HASH = next(line for line in EXAMPLE.read_text().splitlines() if line.startswith("password_hash"))

# The login of the shipped example, a name, a time zone, and a dom0 that fits beside QEMU's other guests.
_COMMON = f"""
[root]
{_HASH}
[host]
name = "matrix"
domain = "example.org"
[console]
serial = "ttyS0"
[xen]
dom0_memory = "1G"
dom0_vcpus = {processors()}
"""

STATIC = """
[network.ipv4]
method = "static"
address = "192.0.2.10/24"
gateway = "192.0.2.1"
[dns]
mode = "servers"
servers = ["192.0.2.53"]
[time]
ntp = "none"
"""


def answers(*, disk: str = "", storage: str = 'type = "files"', rest: str = STATIC) -> str:
    """An answer file: keys of [disk] and [storage], and any further tables."""
    return f"[disk]\nerase = true\n{disk}\n{_COMMON}{rest}\n[storage]\n{storage}\n"
