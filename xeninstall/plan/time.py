"""Time zone and chrony. Servers that DHCP names reach chrony through a file that follows systemd-networkd's leases."""

from xeninstall.answers.model import NtpMode

from .model import Action, MakeLink, Remove, SetClock, WriteFile
from .units import disable, enable, enabled_unit
from .wanted import Host

CHRONY = "/etc/chrony/chrony.conf"
LOCALTIME = "/etc/localtime"
SERVICE_LINK = "/etc/systemd/system/multi-user.target.wants/chrony.service"
_COMMON = """driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
leapseclist /usr/share/zoneinfo/leap-seconds.list
confdir /etc/chrony/conf.d
"""


def clock(wanted: Host) -> tuple[Action, ...]:
    """Set the machine's clock where the answers give a moment; an image has no clock."""
    moment = wanted.answers.time.clock
    return (SetClock(moment=moment.isoformat()),) if moment is not None and wanted.machine is not None else ()


def actions(wanted: Host) -> tuple[Action, ...]:
    """/etc/localtime and chrony's configuration."""
    time = wanted.answers.time
    out: list[Action] = [
        MakeLink(path=LOCALTIME, to=f"/usr/share/zoneinfo/{time.zone}"),
        WriteFile(path="/etc/timezone", text=time.zone + "\n"),
    ]
    if time.ntp is NtpMode.NONE:
        out += [disable("chrony.service"), Remove(path="/etc/systemd/system/chronyd.service")]
        return tuple(out)
    out.append(enable("chrony.service"))
    if time.ntp is NtpMode.SERVERS:
        sources = "".join(f"server {server} iburst\n" for server in time.servers)
    else:
        sources = "# From DHCP when it names any; Debian's pool beside them.\nsourcedir /run/chrony-dhcp\n"
        sources += "pool 2.debian.pool.ntp.org iburst\n"
        out.extend(_from_leases())
    out.append(WriteFile(path=CHRONY, text=f"# Written by xeninstall.\n{sources}{_COMMON}"))
    return tuple(out)


def _from_leases() -> tuple[Action, ...]:
    script = """#!/bin/sh
# Made by xeninstall: hands the NTP servers of systemd-networkd's leases to chrony.
set -eu
mkdir -p /run/chrony-dhcp
cat /run/systemd/netif/leases/* /run/systemd/netif/links/* 2>/dev/null | sed -n 's/^NTP=//p' | tr ' ' '\\n' | sort -u \\
    | sed -n 's/^\\([0-9A-Za-z.:-]\\{1,253\\}\\)$/server \\1 iburst/p' > /run/chrony-dhcp/networkd.sources.new
mv /run/chrony-dhcp/networkd.sources.new /run/chrony-dhcp/networkd.sources
chronyc reload sources >/dev/null 2>&1 || true
"""
    path = """[Unit]
Description=Watch for NTP servers from DHCP

[Path]
PathChanged=/run/systemd/netif/leases
PathChanged=/run/systemd/netif/links

[Install]
WantedBy=multi-user.target
"""
    service = """[Unit]
Description=Hand NTP servers from DHCP to chrony
After=chrony.service xeninstall-ntp.path
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/local/lib/xeninstall/ntp-from-dhcp

[Install]
WantedBy=multi-user.target
"""
    return (
        WriteFile(path="/usr/local/lib/xeninstall/ntp-from-dhcp", text=script, mode=0o755),
        # At every boot, too: the first lease is often there before the path is watched.
        *enabled_unit("xeninstall-ntp.service", service),
        *enabled_unit("xeninstall-ntp.path", path),
    )
