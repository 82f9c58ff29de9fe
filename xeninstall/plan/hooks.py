"""The user's own scripts, and the package sets: what goes beyond the host that everybody gets."""

from pydantic import SecretStr

from xeninstall.answers.model import PackageSet
from xeninstall.base.errors import RequirementError

from .model import Action, InstallPackages, Remove, RunHook, WriteFile
from .units import enabled_unit
from .wanted import Host, Wanted

POOL = "/var/lib/xeninstall/pool"


def before_disk(wanted: Host) -> tuple[Action, ...]:
    """The hook that runs before anything is written."""
    script = wanted.answers.hooks.before_disk
    return (RunHook(name="before_disk", script=SecretStr(script)),) if script else ()


def installed(wanted: Host) -> tuple[Action, ...]:
    """The hook that runs when everything is in place."""
    script = wanted.answers.hooks.installed
    return (RunHook(name="installed", script=SecretStr(script)),) if script else ()


def first_boot(wanted: Host) -> tuple[Action, ...]:
    """The hook that runs once on the installed host; when it fails it stays to be seen, and runs again at the next boot."""
    script = wanted.answers.hooks.first_boot
    if not script:
        return ()
    unit = """[Unit]
Description=First boot hook of this host's answer file
After=network-online.target xen.service
Wants=network-online.target
ConditionPathExists=!/var/lib/xeninstall/first-boot-done

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/xeninstall/first-boot-hook
ExecStartPost=/usr/bin/touch /var/lib/xeninstall/first-boot-done

[Install]
WantedBy=multi-user.target
"""
    hook = WriteFile(path="/usr/local/lib/xeninstall/first-boot-hook", text=script, mode=0o700, secret=True)
    return (hook, *enabled_unit("xeninstall-first-boot.service", unit))


def packages(wanted: Wanted) -> tuple[Action, ...]:
    """Install the chosen sets from the image's pool. Raises RequirementError for a set that it lacks."""
    out: list[Action] = []
    for name in wanted.answers.packages.sets:
        if name is PackageSet.BASE:
            continue
        if name.value not in wanted.image.sets:
            held = ", ".join(["base", *sorted(wanted.image.sets)])
            raise RequirementError(
                f"packages.sets: this system image does not hold the set {name.value}", hint=f"it holds: {held}"
            )
        out.append(InstallPackages(set=name.value, debs=wanted.image.sets[name.value].debs))
    return tuple(out)


def drop_pool() -> Action:
    """Free the pool's room. Not in the stage that installs from it: a killed one is repeated and needs the pool again."""
    return Remove(path=POOL)
