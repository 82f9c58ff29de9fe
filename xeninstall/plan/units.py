"""systemd units in a plan: written and enabled by link, as `systemctl enable` would, without running anything."""

from .model import Action, MakeLink, Remove, WriteFile


def enabled_unit(name: str, text: str, *, wanted_by: str = "multi-user.target") -> tuple[Action, ...]:
    """A unit of ours, enabled."""
    return (
        WriteFile(path=f"/etc/systemd/system/{name}", text=text),
        enable(name, directory="/etc/systemd/system", wanted_by=wanted_by),
    )


def enable(name: str, *, directory: str = "/usr/lib/systemd/system", wanted_by: str = "multi-user.target") -> Action:
    """Enable a unit that a package brought."""
    return MakeLink(path=f"/etc/systemd/system/{wanted_by}.wants/{name}", to=f"{directory}/{name}")


def disable(name: str, *, wanted_by: str = "multi-user.target") -> Action:
    """Disable a unit."""
    return Remove(path=f"/etc/systemd/system/{wanted_by}.wants/{name}")
