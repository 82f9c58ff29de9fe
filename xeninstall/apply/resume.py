"""Going on after an interruption: find the journal, and release what the killed run left so that the machine can be probed."""

import os
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.run import Runner
from xeninstall.base.sizes import MIB
from xeninstall.plan.disk import VOLUME_GROUP, md_uuid
from xeninstall.plan.layout import BIOS_BOOT_BYTES
from xeninstall.plan.model import chosen_uuid

from .journal import Journal
from .paths import is_disk, journal_of
from .records import JOURNAL_ON_ESP
from .target import release_loops, release_mounts

_ESP_OFFSET = MIB + BIOS_BOOT_BYTES


def find_journal(target: str, runner: Runner) -> Journal:
    """The journal of this target; after a power cut a disk's is read from its ESP. Raises UsageError when there is none."""
    path = journal_of(target)
    if is_disk(target) and not path.exists() and (text := on_esp(target, JOURNAL_ON_ESP, runner)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    journal = Journal.read(path)
    if journal.state == "done":
        raise UsageError(
            f"the installation onto {target} is finished: nothing to resume", hint="start it, or install anew without --resume"
        )
    return journal


def on_esp(disk: str, name: str, runner: Runner) -> str:
    """A text at the top of the ESP of a disk that was divided by us; empty when there is none."""
    done = runner.run(["mcopy", "-n", "-i", f"{disk}@@{_ESP_OFFSET}", f"::/{name}", "-"], check=False)
    return done.stdout if done.status == 0 and done.stdout.strip() else ""


def release_leftovers(target: str, seed: str, runner: Runner) -> None:
    """Unmount, detach and stop what an earlier run of this plan left; what belongs to anybody else stays."""
    release_mounts(target, runner)
    if Path(target).exists():
        release_loops(os.path.realpath(target), runner)
    if is_disk(target):
        _stop_groups(os.path.realpath(target), runner)
        _stop_arrays(seed, runner)


def _stop_groups(disk: str, runner: Runner) -> None:
    listed = runner.run(["pvs", "--noheadings", "--separator", " ", "--options", "pv_name,vg_name"], check=False).stdout
    for line in listed.splitlines():
        words = line.split()
        if len(words) == 2 and words[0].startswith(disk) and words[1].startswith(VOLUME_GROUP):
            runner.run(["vgchange", "--quiet", "-an", words[1]], check=False)


def _stop_arrays(seed: str, runner: Runner) -> None:
    ours = {f"UUID={md_uuid(chosen_uuid(seed, f'array/{name}'))}" for name in ("system", "slot-b", "storage")}
    for line in runner.run(["mdadm", "--detail", "--scan"], check=False).stdout.splitlines():
        words = line.split()
        if len(words) > 1 and ours & set(words):
            runner.run(["mdadm", "--stop", words[1]], check=False)
