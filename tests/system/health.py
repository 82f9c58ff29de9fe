"""Is an installed host well, and what was answered? When something failed, the report says what it said."""

from .console import Console
from .qemu import hvm_expected


def nothing_failed(host: Console, timeout: float = 400) -> None:
    """Wait until the host has started, and raise AssertionError with the journal of every unit that failed."""
    state, status = host.run("systemctl is-system-running --wait", timeout)
    if (state, status) == ("running", 0):
        return
    units = [line.split()[0] for line in host.run("systemctl --failed --plain --no-legend")[0].splitlines() if line.strip()]
    said = [f"{unit}:\n" + host.run(f"journalctl -b -o cat --no-pager -n 20 -u {unit}")[0] for unit in units]
    raise AssertionError(f"the host is {state}:\n" + "\n".join(said))


def is_the_host(host: Console, name: str, address: str) -> None:
    """Logged in: Xen with its serial console, name and address as answered, and nothing failed."""
    nothing_failed(host)
    info = host.check("xl info")
    assert "xen_version            : 4.20" in info and "console=com1" in info
    if hvm_expected():
        assert "hvm" in info.partition("virt_caps")[2].splitlines()[0]
    assert host.check("hostname -f") == name
    # A lease may come after the login, and nothing waits for it.
    shown = "ip -br -4 address show dev xenbr0"
    host.run(f"for t in $(seq 60); do {shown} | grep -qF '{address}' && break; sleep 2; done", 300)
    assert address in host.check(shown).split(), host.run(
        "networkctl --no-pager status xenbr0; journalctl -b -u systemd-networkd"
    )
