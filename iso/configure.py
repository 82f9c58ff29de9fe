"""Third stage: what every host of ours has in common, whatever the answers say. What the answers decide is the installer's.

Each choice here is either needed to boot, or keeps a unit from failing on a machine that merely lacks what the unit looks for.
"""

import re
import shutil
from pathlib import Path

from .builder import Build, BuildError, write
from .contained import run_inside

_PRESET = "/usr/lib/systemd/system-preset/50-xeninstall.preset"
ENABLED = (
    "systemd-networkd.service",
    "systemd-resolved.service",
    "ssh.service",
    "chrony.service",
    "nftables.service",
    "xen.service",
    "xendomains.service",
    "smartmontools.service",
    "fstrim.timer",
)
DISABLED = (
    "dnsmasq.service",  # enabled by the installer when this host serves DNS; else it would fight resolved for port 53
    "nvmf-autoconnect.service",  # fails where no NVMe over fabrics is set up
    "nvmefc-boot-connections.service",
)

# Files of the image by path. systemd-networkd-wait-online fails the boot's network target after two minutes where a cable is
# unplugged: guests shall start all the same, sooner, and without a failed unit.
FILES = {
    "/etc/hostname": "xenhost\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\txenhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n"
    "ff02::1\t\tip6-allnodes\nff02::2\t\tip6-allrouters\n",
    "/etc/fstab": "# Written by the installer.\n",
    "/etc/locale.conf": "LANG=C.UTF-8\n",
    "/etc/systemd/system/systemd-networkd-wait-online.service.d/50-xeninstall.conf": "[Service]\nExecStart=\n"
    "ExecStart=-/usr/lib/systemd/systemd-networkd-wait-online --timeout=30\n",
    # Host keys are made where there are none, at any boot: an empty machine-id is no "first boot" to systemd.
    "/etc/systemd/system/sshd-keygen.service.d/50-xeninstall.conf": "[Unit]\nConditionFirstBoot=\n"
    "ConditionPathIsReadWrite=/etc/ssh\n",
    # A slow machine finds its devices late; a console that is a second late would have no login for good.
    "/etc/systemd/system.conf.d/50-xeninstall.conf": "[Manager]\nDefaultDeviceTimeoutSec=5min\n",
    # Terminus in Uni2 has every glyph that the wizard draws, and Latin, Greek and Cyrillic letters.
    "/etc/default/console-setup": 'ACTIVE_CONSOLES="/dev/tty[1-6]"\nCHARMAP="UTF-8"\nCODESET="Uni2"\nFONTFACE="Terminus"\n'
    'FONTSIZE="8x16"\n',
    # smartd ends with an error where no disk has SMART; a host that boots from a RAID controller is no failure.
    "/etc/systemd/system/smartmontools.service.d/50-xeninstall.conf": "[Service]\nEnvironment=smartd_opts=--quit=never\n",
    # On a machine that is slow to start the event daemon does not answer in time, and nothing would watch the pool for filling up
    # until the next start. So this tries again; what still fails after minutes is a group that lacks a disk.
    "/etc/systemd/system/lvm2-monitor.service.d/50-xeninstall.conf": "[Unit]\nStartLimitIntervalSec=10min\nStartLimitBurst=12\n"
    "[Service]\nRestart=on-failure\nRestartSec=10\n",
    # The root lies on a local disk: drivers of network cards with their firmware, a third of the initramfs, are not needed to
    # find it. Everything else of MODULES=most stays, since a disk moves between machines.
    # KEYMAP brings loadkeys along, so that a rescue shell, or a passphrase one day, is typed on the answered keyboard.
    "/etc/initramfs-tools/conf.d/xeninstall": "MODULES=list\nKEYMAP=y\n",
    "/etc/initramfs-tools/hooks/xeninstall": """#!/bin/sh
# All that MODULES=most includes but network drivers. For a root over the network delete this file and conf.d/xeninstall.
if [ "$1" = prereqs ]; then exit 0; fi
. /usr/share/initramfs-tools/hook-functions
auto_add_modules base ide scsi block ata dasd firewire mmc usb_storage fb
""",
    # Debian's xen.service starts a QEMU for dom0's own disks that brings a network card along, as QEMU does unasked: it would
    # appear in dom0 as a card with a link, leading nowhere, and hold up every shutdown by minutes.
    "/etc/modprobe.d/xeninstall.conf": "blacklist xen_netfront\n",
    # Microcode of every processor, not of the one that the initramfs was built on, for the same reason.
    "/etc/default/intel-microcode": "IUCODE_TOOL_INITRAMFS=early\nIUCODE_TOOL_SCANCPUS=no\n",
    _PRESET: "".join(f"enable {unit}\n" for unit in ENABLED) + "".join(f"disable {unit}\n" for unit in DISABLED),
}
_LINKS = {
    "/etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
    "/etc/default/locale": "../locale.conf",
    "/etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
}


def configure(build: Build) -> None:
    """Lay our configuration over Debian's, switch units on and off, and build the initramfs from the result."""
    root = build.base
    for name, text in FILES.items():
        write(root / name.lstrip("/"), text, 0o755 if text.startswith("#!") else 0o644)
    for name, target in _LINKS.items():
        link = root / name.lstrip("/")
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    (root / "boot/efi").mkdir(exist_ok=True)
    _lock_root(root / "etc/shadow")
    _undate_mdadm(root / "etc/mdadm/mdadm.conf")
    run_inside(build.runner, root, ["systemctl", "preset", *ENABLED, *DISABLED])
    _check_units(build)
    # The cached keymap and font are those of the build's defaults; setupcon makes them anew from /etc/default.
    for cached in (root / "etc/console-setup").glob("cached_*"):
        cached.unlink()
    run_inside(build.runner, root, ["setupcon", "--save-only", "--force"])
    for old in (root / "boot").glob("initrd.img-*"):
        old.unlink()
    run_inside(build.runner, root, ["update-initramfs", "-c", "-k", kernel_release(root)])
    write(root / "etc/machine-id", "")


def kernel_release(root: Path) -> str:
    """The release of the one kernel in a tree."""
    kernels = sorted((root / "boot").glob("vmlinuz-*"))
    if len(kernels) != 1:
        raise BuildError(f"the image has {len(kernels)} kernels, not one", hint="mend iso/packages.txt")
    return kernels[0].name.removeprefix("vmlinuz-")


def _lock_root(shadow: Path) -> None:
    text, found = re.subn(r"^root:[^:]*:", "root:!:", shadow.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not found:
        raise BuildError(f"{shadow} has no line for root")
    with shadow.open("r+", encoding="utf-8") as stream:  # in place: owner and permissions stay
        stream.write(text)
        stream.truncate()


def _undate_mdadm(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    write(config, re.sub(r"^# This configuration was auto-generated.*\n", "", text, flags=re.MULTILINE))


def _check_units(build: Build) -> None:
    units = (*ENABLED, *DISABLED)
    said = run_inside(build.runner, build.base, ["systemctl", "list-unit-files", "--no-legend", "--no-pager", *units])
    state = {fields[0]: fields[1] for fields in map(str.split, said.splitlines()) if len(fields) > 1}
    wanted = dict.fromkeys(ENABLED, "enabled") | dict.fromkeys(DISABLED, "disabled")
    wrong = [f"{unit} is {state.get(unit, 'missing')}, not {want}" for unit, want in wanted.items() if state.get(unit) != want]
    if wrong:
        raise BuildError(f"units of the image: {'; '.join(wrong)}", hint="mend iso/configure.py or iso/packages.txt")
    if shutil.which("ifup", path=str(build.base / "usr/sbin")):
        raise BuildError("ifupdown came along and would fight systemd-networkd", hint="find its bringer in iso/packages.txt")
