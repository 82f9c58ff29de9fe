"""Arrays and volume groups of this machine's disks put together, so that hosts on them are found."""

import json
from collections.abc import Iterator
from typing import Any

from xeninstall.base.run import Runner
from xeninstall.plan.disk import VOLUME_GROUP


def assemble(runner: Runner) -> list[str]:
    """Arrays read-only, also with a half missing; volume groups but those that hold VMs of ours. Returns what to tell."""
    argv = ["lsblk", "--json", "--paths", "--tree", "--output", "NAME,FSTYPE"]
    try:
        apart = set(_apart(json.loads(runner.run(argv, check=False).stdout or "{}").get("blockdevices", [])))
    except ValueError:
        return []
    told = []
    if "linux_raid_member" in apart:
        done = runner.run(["mdadm", "--assemble", "--scan", "--readonly", "--no-degraded"], check=False)
        if done.status != 0:
            # Half a mirror is better than nothing, and read-only it loses nothing.
            done = runner.run(["mdadm", "--assemble", "--scan", "--readonly", "--run"], check=False)
        told.append("arrays were assembled read-only" if done.status in (0, 2) else f"arrays: {done.stderr.strip()[-200:]}")
        runner.run(["udevadm", "settle", "--timeout=10"], check=False)
    if "LVM2_member" in apart:
        for name in runner.run(["vgs", "--noheadings", "--options", "vg_name"], check=False).stdout.split():
            if not name.startswith(VOLUME_GROUP):
                runner.run(["vgchange", "--quiet", "--activate", "y", name], check=False)
                told.append(f"volume group {name} was activated")
    return told


def _apart(nodes: list[dict[str, Any]]) -> Iterator[str]:
    """What the members are that nothing lies on yet."""
    for node in nodes:
        children = node.get("children") or []
        if not children:
            yield str(node.get("fstype") or "")
        yield from _apart(children)
