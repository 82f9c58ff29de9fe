"""The menu of a host on trial: Xen starts once, and becomes the default when it was seen running; until then Linux is."""

from xeninstall.plan.boot import xen_command_line
from xeninstall.plan.model import MakeLink, WriteFile
from xeninstall.plan.units import enabled_unit
from xeninstall.plan.wanted import Host

from .places import AWAITED, GRUB_FALLBACK, GRUB_SETTINGS, MISSED

CONFIRM = "/usr/local/lib/xeninstall/confirm-xen"
_WITHOUT_CONSOLES = "printf '%s' \"{}\" | sed -E 's/(^| )console=[^ ]*//g'"
_UNIT = "xeninstall-confirm-xen.service"


def settings(host: Host) -> WriteFile:
    """GRUB's settings beside the system's own. The file sorts behind Debian's xen.cfg, which would make Xen the default."""
    # Where a serial line is Xen's, dom0 speaks through Xen; elsewhere its words stay those of Linux.
    words, default = (
        ("$(" + _WITHOUT_CONSOLES.format("$GRUB_CMDLINE_LINUX") + ") console=tty0 console=hvc0", f"$({_WITHOUT_CONSOLES})")
        if host.serial
        else ("$GRUB_CMDLINE_LINUX", "{}")
    )
    text = f"""# Written by xeninstall; run update-grub after a change.
GRUB_CMDLINE_XEN="{xen_command_line(host)}"
# A dom0 that panics restarts, into the entry that is known to work.
GRUB_CMDLINE_LINUX_XEN_REPLACE="{words} panic=30"
GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT="{default.format("$GRUB_CMDLINE_LINUX_DEFAULT")}"
# The default is in /boot/grub/grubenv: Xen as soon as it was seen running.
GRUB_DEFAULT=saved
GRUB_SAVEDEFAULT=false
"""
    return WriteFile(path=GRUB_SETTINGS, text=text)


def fallback(linux_entry: str) -> WriteFile:
    """What GRUB starts when it cannot load the entry that was to be started; without it, it waits in its menu for somebody."""
    text = f"""#!/bin/sh
# Written by xeninstall: for a Xen that cannot be loaded.
# GRUB takes the number of an entry here, and no name. So it is counted, in the menu as far as that is written.
menu=/proc/$$/fd/1
[ -f "$menu" ] || exit 0
awk -v "entry='{linux_entry}'" '
    !/^(menuentry|submenu) / {{ next }}
    index($0, entry) {{ printf "set fallback=%d\\n", number; exit }}
    {{ number++ }}
' "$menu"
"""
    return WriteFile(path=GRUB_FALLBACK, text=text, mode=0o755)


def confirmation(xen_entry: str) -> tuple[WriteFile | MakeLink, ...]:
    """A service that looks, after the boot that was to start Xen, whether it did, and makes it the default if so."""
    script = f"""#!/bin/sh
# Written by xeninstall bootstrap: is this the Xen that was to start?
set -u
# Where GRUB cannot write, the one boot would be every boot.
grub-editenv /boot/grub/grubenv unset next_entry
if [ "$(cat /sys/hypervisor/type 2>/dev/null)" = xen ]; then
    tries=0
    until xl info >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || {{ echo "Xen runs, but xl info gives no answer" >&2; exit 1; }}
        sleep 5
    done
    grub-set-default {xen_entry} && rm -f {AWAITED} {MISSED}
    echo "Xen runs; it is the default from now on"
else
    mv -f {AWAITED} {MISSED}
    echo "Xen did not start; Linux did, as before" >&2
fi
"""
    unit = f"""[Unit]
Description=Confirm that Xen has started
After=xen.service local-fs.target
ConditionPathExists={AWAITED}

[Service]
Type=oneshot
ExecStart={CONFIRM}
"""
    written = [action for action in enabled_unit(_UNIT, unit) if isinstance(action, WriteFile | MakeLink)]
    return (WriteFile(path=CONFIRM, text=script, mode=0o755), *written)
