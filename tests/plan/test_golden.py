"""Whole plans, machine by machine, as a reader sees them: `show(plan, files=True)` with a fixed seed.

When a change is meant: python -m pytest tests/plan/test_golden.py --renew-golden, then read `git diff tests/data/plans`.
"""

import pytest

from tests.given import DATA, SEED, SYSTEM, answers, image_plan, machine, pack
from xeninstall.plan.build import build
from xeninstall.plan.model import Plan
from xeninstall.plan.show import show

PLANS = DATA / "plans"

_STATIC = """
[host]
name = "xen1"
domain = "example.org"
[network.ipv4]
method = "static"
address = "192.0.2.10/24"
gateway = "192.0.2.1"
[network.ipv6]
method = "static"
address = "2001:db8::10/64"
gateway = "fe80::1"
[dns]
mode = "servers"
servers = ["192.0.2.53", "2001:db8::53"]
search = ["example.org"]
[time]
zone = "Europe/Berlin"
ntp = "servers"
servers = ["ntp.example.org"]
[keyboard]
layout = "de"
"""
_SERVE = '[dns]\nmode = "serve"\nforwarders = ["192.0.2.53"]\n[host]\nname = "xen1"\ndomain = "example.org"\n'
_BOND = """
[network]
vlan = 120
mtu = 9000
[network.bond]
mode = "802.3ad"
members = ["eno1", "eno2"]
[network.ipv6]
method = "none"
"""
_HOOKS = """
[packages]
sets = ["base", "storage", "monitoring"]
[firewall]
open = ["tcp/5900", "udp/161"]
[hooks]
before_disk = "#!/bin/sh\\ntrue"
installed = "#!/bin/sh\\ntrue"
first_boot = "#!/bin/sh\\ntrue"
[time]
ntp = "none"
clock = 2026-11-23T20:15:00+01:00
"""
_FILES = '[storage]\ntype = "files"\n'


def _disks(system: str, mirror: str = "", *extras: str) -> str:
    toml = f'[disk]\nserial = "{system}"\n'
    toml += f'[disk.mirror]\nserial = "{mirror}"\n' if mirror else ""
    return toml + "".join(f'[[storage.extra_disks]]\nserial = "{extra}"\nerase = true\n' for extra in extras)


# Name of the golden file: machine and answers → the answers' lines.
MACHINES = {
    "uefi-plain--dhcp-thin": "",
    "uefi-plain--static-files": _STATIC + _FILES,
    "bios-two-disks--mirror": _disks("S45NNA0M500201", "S45NNA0M500202") + _STATIC,
    "bios-two-disks--extra-disk": _disks("S45NNA0M500201", "", "S45NNA0M500202"),
    "nvme--mirror-hooks-sets": _disks("S64HNE0R501200", "S64HNE0R501201") + _HOOKS,
    "ten-nics--bond-vlan": _disks("S4KXNA0R900100") + _BOND,
    "old-md--serve-dns": _disks("S45NNA0M500301") + _SERVE,
    "old-zfs--match-rule": '[disk.match]\nbus = "sata"\npick = "first"\n[network.ipv4]\nmethod = "none"\n',
    "windows--promised": _disks("AJB2N47381080263Q") + "[hardware]\naccept_secure_boot = true\n",
    "no-vt--paravirtual": "[hardware]\nrequire_virtualization = false\n",
    "no-dm-md--thin-at-first-boot": _disks("S45NNA0M501001", "", "S45NNA0M501002"),
    "foreign-xenvms--group-name": _disks("S45NNA0M500901"),
    "qemu-virtio--files": _FILES + '[console]\nserial = "none"\n',
    "eighty-disks--largest": '[disk.match]\nbus = "sas"\npick = "largest"\nmin_size = "1T"\n',
    "multipath-san--path": '[disk]\npath = "/dev/mapper/mpatha"\n',
}
# With what kind of pack, for the images.
PACKS = {"image--driver-pack": (pack(), pack(name="acme-tools", files={"templates/small.toml": "4" * 64}, kernel=None))}
IMAGES = {
    "image--driver-pack": _FILES + '[keyboard]\nlayout = "de"\n',
    "image--static-files": _STATIC + _FILES,
    "image--bond-serve-dns": _BOND + _SERVE + _FILES,
    "image--thin-at-first-boot": '[storage]\ntype = "thin"\n',
}


def _plan(name: str) -> Plan:
    if name in IMAGES:
        return image_plan(IMAGES[name], size_bytes=64 * 2**30, packs=PACKS.get(name, ()))
    return build(answers(MACHINES[name]), SYSTEM, SEED, machine=machine(name.partition("--")[0]))


@pytest.mark.parametrize("name", [*MACHINES, *IMAGES])
def test_the_plan_is_the_one_that_was_agreed_on(name: str, request: pytest.FixtureRequest) -> None:
    golden = PLANS / f"{name}.txt"
    text = show(_plan(name), files=True)
    if request.config.getoption("--renew-golden"):
        golden.write_text(text, encoding="utf-8")
        return
    assert golden.is_file(), "make it with --renew-golden, and read it"
    assert text == golden.read_text(encoding="utf-8"), "when the change is meant, renew with --renew-golden and read the diff"


def test_no_golden_plan_is_left_over() -> None:
    assert {path.stem for path in PLANS.glob("*.txt")} == set(MACHINES) | set(IMAGES)


def test_golden_plans_hold_no_secret() -> None:
    for path in PLANS.glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "$6$" not in text and "$y$" not in text
        assert "#!/bin/sh\n   | true" not in text
