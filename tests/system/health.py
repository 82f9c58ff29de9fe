"""Is an installed host well? No unit failed; and when one did, the report says which and what it said."""

from .console import Console


def nothing_failed(host: Console, timeout: float = 400) -> None:
    """Wait until the host has started, and raise AssertionError with the journal of every unit that failed."""
    state, status = host.run("systemctl is-system-running --wait", timeout)
    if (state, status) == ("running", 0):
        return
    units = [line.split()[0] for line in host.run("systemctl --failed --plain --no-legend")[0].splitlines() if line.strip()]
    said = [f"{unit}:\n" + host.run(f"journalctl -b -o cat --no-pager -n 20 -u {unit}")[0] for unit in units]
    raise AssertionError(f"the host is {state}:\n" + "\n".join(said))
