"""A plan carried out: stage by stage, each written into the journal when it is done, everything released at the end."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.events import Emit, Finished, Note, Progress, StageFinished
from xeninstall.base.run import Runner
from xeninstall.packs.model import Pack
from xeninstall.plan.model import (
    Action,
    CheckFilesystem,
    CreateArray,
    CreateThinPool,
    ExtendInitramfs,
    FillEsp,
    InstallBiosBoot,
    InstallPack,
    InstallPackages,
    KeepRecords,
    MakeFilesystem,
    MakeLink,
    PartitionOf,
    Plan,
    RebuildInitramfs,
    RegisterBootEntry,
    Remove,
    RunHook,
    RunInHost,
    SetClock,
    SetRootPassword,
    Stage,
    UnpackSystem,
    VerifyHost,
    WipeDisk,
    WriteFile,
    WritePartitions,
)
from xeninstall.plan.system_image import SystemImage

from . import bios_boot, disks, guard, hooks, host_files, initramfs, packs, records, uefi_boot, unpack, verify
from .ending import Ending, narrated
from .journal import Journal
from .target import Ground, Target, release_mounts
from .tools import check_tools


@dataclass(frozen=True)
class Files:
    """Where this run keeps its own things, and where the system image is."""

    squashfs: Path
    journal: Path
    log: Path
    packs: tuple[Pack, ...] = ()


def execute(plan: Plan, image: SystemImage, files: Files, runner: Runner, emit: Emit, journal: Journal) -> None:
    """Carry the plan out from where the journal stands. Raises Error after releasing everything, Stopped after Ctrl+C.

    Nothing is written before every check has passed: the image's digest, the target's being free, the room for it.
    """
    started = time.monotonic()
    journal.must_match(plan)
    ending = Ending(emit, journal, lambda: journal.write(files.journal), "check")
    with ending.told():
        with ExitStack() as stack:
            for disk in plan.disks:
                stack.enter_context(guard.sole_run(disk.path))
            ending.recording = True
            total = len(plan.stages) + 1
            with narrated("check", "Checks", 1, total, emit):
                release_mounts(plan.disks[0].path, runner)
                check_tools(plan)
                packs.check(plan, files.packs)
                guard.check_target(plan, image, runner)
                guard.check_system_image(files.squashfs, image, lambda done, size: emit(Progress("check", done, size)))
            target = stack.enter_context(Target(Ground.of(plan), runner))
            work = _Work(plan, files, runner, emit, target, journal)
            for number, stage in enumerate(plan.stages, 2):
                ending.stage = stage.name
                if stage.name in journal.finished:
                    emit(StageFinished(stage.name, 0.0, skipped=True))
                    continue
                journal.state, journal.stage, journal.message = "running", stage.name, ""
                journal.write(files.journal)
                with narrated(stage.name, stage.title, number, total, emit):
                    work.do_stage(stage)
                journal.finished.append(stage.name)
                work.record()
        journal.state, journal.stage = "done", ""
        journal.write(files.journal)
    emit(Finished(time.monotonic() - started, plan.facts))


class _Work:
    """One run's tools, and the one `match` over actions."""

    def __init__(self, plan: Plan, files: Files, runner: Runner, emit: Emit, target: Target, journal: Journal) -> None:
        self.plan, self.files, self.runner, self.emit, self.target, self.journal = plan, files, runner, emit, target, journal

    def do_stage(self, stage: Stage) -> None:
        """Every action, then have it reach the disk."""
        for action in stage.actions:
            self.do(action)
        if stage.name in ("configure", "packages", "boot"):
            unpack.flush(self.target.root(), self.runner)

    def do(self, action: Action) -> None:
        """One action's effect."""
        plan, runner, target = self.plan, self.runner, self.target
        match action:
            case RunHook():
                hooks.run_hook(action, target.root() if action.name == "installed" else None, runner)
            case SetClock(moment=moment):
                runner.run(["date", "--set", moment])
                runner.run(["hwclock", "--systohc", "--utc"], check=False)
            case WipeDisk(disk=key):
                disks.wipe(plan.disk(key), runner)
            case WritePartitions(disk=key):
                disks.write_partitions(action, plan.disk(key), runner)
            case CreateArray():
                disks.create_array(action, target, runner)
            case MakeFilesystem():
                disks.make_filesystem(action, target, runner)
            case CreateThinPool():
                disks.create_thin_pool(action, target, runner)
            case UnpackSystem():
                unpack.unpack(action, self.files.squashfs, target.root(), runner, self._watch("unpack"))
            case WriteFile():
                host_files.write_file(target.root(), action)
            case MakeLink():
                host_files.make_link(target.root(), action)
            case Remove():
                host_files.remove(target.root(), action)
            case SetRootPassword(hash=secret):
                target.run_in_host(("chpasswd", "--encrypted"), stdin=f"root:{secret.get_secret_value()}\n".encode())
                # chpasswd's backup: a hash in one place more, and another content when the stage is repeated.
                host_files.remove(target.root(), Remove(path="/etc/shadow-"))
            case InstallPackages():
                hooks.install_packages(action, target)
            case InstallPack():
                packs.install(action, packs.find(action, self.files.packs), target)
            case RunInHost(argv=argv):
                target.run_in_host(argv)
            case ExtendInitramfs():
                initramfs.extend(action, self.files.squashfs, target, runner)
            case RebuildInitramfs():
                initramfs.rebuild(action, target)
            case InstallBiosBoot(disk=key, partition=number):
                partition = target.partition(PartitionOf(disk=key, number=number))
                bios_boot.install(action, plan.disk(key), partition, target)
            case FillEsp(device=device):
                uefi_boot.fill(action, target.device(device), target.root(), runner)
            case RegisterBootEntry(disk=key):
                if warning := uefi_boot.register(action, plan.disk(key), runner):
                    self.emit(Note(warning, warning=True))
            case VerifyHost():
                self.emit(Note(f"{verify.verify_host(action, plan, target)} files compared with the plan"))
            case KeepRecords(answers=answers):
                records.keep(target.root(), plan, answers, self.files.log, runner)
            case CheckFilesystem():
                verify.check_filesystem(action, target, runner)

    def record(self) -> None:
        """Write the journal; on a disk also onto its ESP, where it survives a power cut of a live system."""
        self.journal.write(self.files.journal)
        if not self.plan.disks[0].image and "filesystems" in self.journal.finished:
            actions = [act for stage in self.plan.stages for act in stage.actions]
            esp = self.target.device(next(act.device for act in actions if isinstance(act, FillEsp)))
            uefi_boot.put_text(esp, records.JOURNAL_ON_ESP, self.journal.model_dump_json() + "\n", self.runner)
            # Also the answers, without secrets, for as long as somebody may have to go on without having them.
            if self.journal.complete:
                uefi_boot.drop(esp, records.ANSWERS_ON_ESP, self.runner)
            else:
                answers = next((act.answers for act in actions if isinstance(act, KeepRecords)), "")
                uefi_boot.put_text(esp, records.ANSWERS_ON_ESP, answers, self.runner)

    def _watch(self, stage: str) -> Callable[[int, int], None]:
        return lambda done, total: self.emit(Progress(stage, done, total))
