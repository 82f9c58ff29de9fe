"""Answers and machine become a plan: the order of the stages, on one screen. Pure: the same inputs give the same plan."""

from dataclasses import dataclass, replace

from xeninstall.answers.dump import dump
from xeninstall.answers.model import Answers, Flow, StorageType
from xeninstall.base.errors import UsageError
from xeninstall.base.sizes import format_size
from xeninstall.machine.model import SYSTEM_DISK_MINIMUM_BYTES, Disk, Machine
from xeninstall.packs.model import Pack

from . import boot, console, disk, hooks, identity, network, packs, time
from .check import Chosen, Finding, Refused, check
from .layout import THIN_MINIMUM_BYTES, Layout, divide
from .losses import losses
from .model import CheckFilesystem, KeepRecords, PartitionOf, PartitionType, Plan, PlannedDisk, Stage, UnpackSystem, VerifyHost
from .system_image import SystemImage
from .wanted import Wanted


@dataclass(frozen=True)
class ImageFile:
    """A file that becomes a disk image: `exists` when something is there already."""

    path: str
    size_bytes: int
    exists: bool = False


def build(
    answers: Answers,
    image: SystemImage,
    seed: str,
    *,
    machine: Machine | None = None,
    disk_path: str | None = None,
    image_file: ImageFile | None = None,
    packs_read: tuple[Pack, ...] = (),
) -> Plan:
    """Plan an installation onto a disk of `machine`, or onto `image_file`. Raises Refused with every finding (exit 3), and
    UsageError for answers of another flow.

    `packs_read` are the packs that the answers name, read and checked.
    """
    if answers.flow is not Flow.INSTALL:
        # Never by mistake: an installation erases a disk, and those answers are about a machine that stays as it is.
        what, hint = {
            Flow.BOOTSTRAP: (
                "the answers are for a system that runs already (flow = bootstrap)",
                "use them with xeninstall bootstrap, or leave flow out",
            ),
            Flow.CONVERT: (
                "these answers are to convert a machine, not to install one",
                "run: p2v convert --answers FILE; or boot the medium with them",
            ),
        }[answers.flow]
        raise UsageError(what, hint=hint)
    misfits = packs.findings(packs_read, image.kernel)
    if image_file is not None:
        wanted, warnings = _for_image(answers, image, seed, image_file, misfits)
    else:
        assert machine is not None, "a disk belongs to a machine"
        wanted, warnings = _for_machine(answers, image, seed, machine, check(answers, machine, disk_path), misfits)
    wanted = replace(wanted, packs=packs_read)
    target = wanted.disks[0]
    return Plan(
        seed=seed,
        title=f"Xen host {wanted.fqdn} on {target.identity} ({format_size(target.size_bytes)})",
        disks=wanted.disks,
        root=wanted.root,
        destroys=losses(wanted.disks, machine, image_file is not None and image_file.exists),
        warnings=tuple(warnings),
        facts=_facts(wanted),
        stages=stages(wanted),
    )


def stages(wanted: Wanted) -> tuple[Stage, ...]:
    """What happens, in order."""
    unpack = UnpackSystem(sha256=wanted.image.sha256, unpacked_bytes=wanted.image.unpacked_bytes, inodes=wanted.image.inodes)
    configuration = (
        *identity.name(wanted),
        *identity.accounts(wanted),
        *identity.firewall(wanted),
        *network.actions(wanted),
        *network.resolver(wanted),
        *time.actions(wanted),
        *boot.mounts(wanted),
        *disk.storage_at_first_boot(wanted),
        *identity.keyboard(wanted),
        *console.actions(wanted),
        *hooks.first_boot(wanted),
    )
    esps = [PartitionOf(disk=system.key, number=wanted.layout.esp) for system in wanted.system_disks]
    return (
        Stage(name="prepare", title="Preparation", actions=(*time.clock(wanted), *hooks.before_disk(wanted))),
        disk.partition(wanted),
        disk.filesystems(wanted),
        disk.storage(wanted),
        Stage(name="unpack", title="System", actions=(unpack,)),
        Stage(name="configure", title="Configuration", actions=configuration),
        Stage(name="packages", title="Package sets", actions=(*hooks.packages(wanted), *packs.install(wanted))),
        Stage(
            name="boot",
            title="Boot loader",
            actions=(
                hooks.drop_pool(),
                *boot.mirror(wanted),
                *boot.initramfs(wanted),
                *boot.grub(wanted),
                *boot.boot_code(wanted),
            ),
        ),
        Stage(
            name="verify",
            title="Verification",
            actions=(VerifyHost(boot_files=wanted.image.boot_files, root_uuid=wanted.root_uuid),),
        ),
        # Apart from the verification: what the hook changes on purpose must not look like damage to a resumed run.
        Stage(
            name="finish",
            title="Hook and records",
            actions=(
                *hooks.installed(wanted),
                KeepRecords(answers=dump(wanted.answers)),
                CheckFilesystem(device=wanted.root, fstype="ext4"),
                *(CheckFilesystem(device=esp, fstype="vfat") for esp in esps),
            ),
        ),
    )


def _for_image(
    answers: Answers, image: SystemImage, seed: str, file: ImageFile, misfits: list[Finding]
) -> tuple[Wanted, list[str]]:
    findings = list(misfits)
    if answers.disk.mirror is not None:
        findings.append(Finding("disk.mirror: an image file has no partner", "leave the mirror out, or install onto two disks"))
    if answers.storage.extra_disks:
        findings.append(
            Finding("storage.extra_disks: an image file has no further disks", "leave them out, or install onto disks")
        )
    if file.exists and not answers.disk.erase:
        findings.append(
            Finding(f"{file.path} exists, and the answers do not allow to overwrite it", "set disk.erase = true if that is meant")
        )
    if file.size_bytes < SYSTEM_DISK_MINIMUM_BYTES:
        findings.append(
            Finding(
                f"--size {format_size(file.size_bytes)} is too small",
                f"the system needs {format_size(SYSTEM_DISK_MINIMUM_BYTES)}",
            )
        )
    if findings:
        raise Refused(findings)
    target = PlannedDisk(key="system", path=file.path, identity=f"image file {file.path}", size_bytes=file.size_bytes, image=True)
    layout = _layout(answers, (target,), seed)
    wanted = Wanted(answers, None, (), image, (target,), layout, seed)
    warnings = []
    named = [key for key in ("serial", "wwn", "path", "match") if getattr(answers.disk, key) is not None]
    if named:
        warnings.append(f"disk.{named[0]} names a disk, but the target is an image file: it is left alone")
    if answers.hardware.require_virtualization:
        warnings.append(
            "an image is installed for a machine that is not known: whether its CPU has virtualization will show when it boots"
        )
    return wanted, warnings


def _for_machine(
    answers: Answers, image: SystemImage, seed: str, machine: Machine, chosen: Chosen, misfits: list[Finding]
) -> tuple[Wanted, list[str]]:
    if chosen.findings or misfits or chosen.system is None:
        raise Refused([*chosen.findings, *misfits])
    disks = [_planned("system", chosen.system)]
    if chosen.mirror is not None:
        disks.append(_planned("mirror", chosen.mirror))
    disks += [_planned(f"extra{number}", extra) for number, extra in enumerate(chosen.extras, 1)]
    layout = _layout(answers, tuple(disks), seed)
    return Wanted(answers, machine, tuple(chosen.nics), image, tuple(disks), layout, seed), chosen.warnings


def _planned(key: str, found: Disk) -> PlannedDisk:
    return PlannedDisk(
        key=key, path=found.path, identity=found.identity, size_bytes=found.size_bytes, sector_bytes=found.sector_bytes
    )


def _layout(answers: Answers, disks: tuple[PlannedDisk, ...], seed: str) -> Layout:
    mirrored = any(planned.key == "mirror" for planned in disks)
    thin = answers.storage.type is StorageType.THIN
    layout = divide(
        min(planned.size_bytes for planned in disks if planned.key in ("system", "mirror")),
        slot_bytes=answers.disk.system_size,
        mirrored=mirrored,
        storage_type=PartitionType.LVM if thin else PartitionType.LINUX,
        seed=seed,
        key="system",
    )
    if thin and layout.storage_bytes < THIN_MINIMUM_BYTES and not answers.storage.extra_disks:
        raise Refused(
            [
                Finding(
                    f"{format_size(layout.storage_bytes)} are left for VM storage, too little for a thin pool",
                    f"{format_size(THIN_MINIMUM_BYTES)} are needed: choose a larger disk, add one with storage.extra_disks, "
                    'or set storage.type = "files"',
                )
            ]
        )
    return layout


def _facts(wanted: Wanted) -> dict[str, str]:
    ipv4 = wanted.answers.network.ipv4
    addresses = [ipv4.address or "by DHCP"] if ipv4.method != "none" else []
    if wanted.answers.network.ipv6.address:
        addresses.append(wanted.answers.network.ipv6.address)
    thin = wanted.answers.storage.type is StorageType.THIN
    storage = "thin pool" if thin else "files in " + boot.VM_FILES
    own = wanted.layout.storage_bytes
    room = (own if own >= THIN_MINIMUM_BYTES or not thin else 0) + sum(extra.size_bytes for extra in wanted.extra_disks)
    return {
        "host": wanted.fqdn,
        "address": ", ".join(addresses) or "IPv6 by router advertisement",
        "login": "root, by SSH key" if wanted.answers.root.ssh_keys else "root, by password",
        "dom0": f"{wanted.dom0_memory_mib} MiB, {wanted.dom0_vcpus} vCPUs",
        "VM storage": f"{storage}, {format_size(room)}",
    }
