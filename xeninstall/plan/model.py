"""The plan as a value: stages of actions, a small closed union. Everything random is already chosen, so a plan can be
printed, compared with another run's, and resumed. Secrets are carried as SecretStr and never serialised.
"""

import hashlib
import uuid
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    SerializationInfo,
    StringConstraints,
    field_serializer,
)


class Part(BaseModel):
    """Frozen and closed, like every value of a plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


HIDDEN = "**********"
# Asks the plan's own values for texts that are kept out of prints. Passwords stay hidden even so: their hashes are salted anew
# in every run that hashes them, and a resumed run must find its plan again.
_FOR_DIGEST = "for the digest"


def _hidden(text: str, info: SerializationInfo) -> str:
    return text if info.context == _FOR_DIGEST else HIDDEN


Seed = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


def chosen_uuid(seed: str, name: str) -> str:
    """The UUID that this seed gives to this name (RFC 9562, version 5): the same in every run with the same seed."""
    return str(uuid.uuid5(uuid.UUID(seed), name))


# ---- where ---------------------------------------------------------------------------------------------------------


class PlannedDisk(Part):
    """A disk, or a file that is going to be one. `key` is how actions call it: system, mirror, extra1 …"""

    key: str
    path: str
    identity: str  # "serial X" or "image file X"
    size_bytes: int
    sector_bytes: int = 512
    image: bool = False


class WholeDisk(Part):
    """A disk from its first to its last byte."""

    kind: Literal["disk"] = "disk"
    disk: str


class PartitionOf(Part):
    """A partition of a planned disk, by number."""

    kind: Literal["partition"] = "partition"
    disk: str
    number: int


class ArrayOf(Part):
    """An md array by its name: system, slot-b, storage."""

    kind: Literal["array"] = "array"
    name: str


Device = Annotated[WholeDisk | PartitionOf | ArrayOf, Field(discriminator="kind")]


class PartitionType(StrEnum):
    """GPT type GUIDs (UEFI specification 5.3.3; the Discoverable Partitions Specification)."""

    BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
    ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
    ROOT = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
    LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
    LVM = "E6D6D379-F507-44C2-A23C-238F2A3DF928"
    RAID = "A19D880F-05FC-4D3B-A006-743F0F84911E"


class Partition(Part):
    """One partition: offsets in bytes, aligned to a mebibyte."""

    number: int
    name: str
    type: PartitionType
    uuid: str
    start_bytes: int
    size_bytes: int


# ---- actions ---------------------------------------------------------------------------------------------------------


class RunHook(Part):
    """Run a script of the user's on the installer."""

    do: Literal["run-hook"] = "run-hook"
    name: str
    script: SecretStr

    @field_serializer("script", when_used="json")
    def _print_script(self, script: SecretStr, info: SerializationInfo) -> str:
        return _hidden(script.get_secret_value(), info)


class SetClock(Part):
    """Set this machine's clock and its hardware clock, to a moment with offset (ISO 8601)."""

    do: Literal["set-clock"] = "set-clock"
    moment: str


class WipeDisk(Part):
    """Stop nothing, assume nothing: remove every signature, so that nothing old is found again."""

    do: Literal["wipe-disk"] = "wipe-disk"
    disk: str


class WritePartitions(Part):
    """Write a GPT."""

    do: Literal["write-partitions"] = "write-partitions"
    disk: str
    table_uuid: str
    partitions: tuple[Partition, ...]


class CreateArray(Part):
    """Create an md RAID1 over equal partitions."""

    do: Literal["create-array"] = "create-array"
    name: str
    uuid: str
    members: tuple[PartitionOf, ...]


class MakeFilesystem(Part):
    """Make an ext4 or vfat file system; for vfat the UUID is the volume id, XXXX-XXXX."""

    do: Literal["make-filesystem"] = "make-filesystem"
    device: Device
    fstype: Literal["ext4", "vfat"]
    uuid: str
    label: str


class CreateThinPool(Part):
    """Create physical volumes, one volume group and its thin pool."""

    do: Literal["create-thin-pool"] = "create-thin-pool"
    devices: tuple[Device, ...]
    group: str
    pool: str


class UnpackSystem(Part):
    """Unpack the system image, whose digest has been checked, onto the mounted root."""

    do: Literal["unpack-system"] = "unpack-system"
    sha256: str
    unpacked_bytes: int
    inodes: int


class WriteFile(Part):
    """Write a text file into the host, with its directories."""

    do: Literal["write-file"] = "write-file"
    path: str
    text: str
    mode: int = 0o644
    secret: bool = False  # its text is kept out of every print

    @field_serializer("text", when_used="json")
    def _print_text(self, text: str, info: SerializationInfo) -> str:
        return _hidden(text, info) if self.secret else text


class MakeLink(Part):
    """Make a symbolic link in the host, replacing what stood there."""

    do: Literal["make-link"] = "make-link"
    path: str
    to: str


class Remove(Part):
    """Remove a file or a directory from the host, if it is there."""

    do: Literal["remove"] = "remove"
    path: str


class SetRootPassword(Part):
    """Set root's password hash."""

    do: Literal["set-root-password"] = "set-root-password"
    hash: SecretStr


class InstallPackages(Part):
    """Install a package set from the pool inside the image, offline."""

    do: Literal["install-packages"] = "install-packages"
    set: str
    debs: tuple[str, ...]


class InstallPack(Part):
    """Copy a pack's files into the host and install its packages, offline. `digest` (sha256 of pack.toml) covers all of them."""

    do: Literal["install-pack"] = "install-pack"
    name: str
    version: str
    digest: str
    signed_by: str
    kernel: str  # the release that its modules are for; empty without modules
    size_bytes: int


class RunInHost(Part):
    """Run a program of the installed system, in its root."""

    do: Literal["run-in-host"] = "run-in-host"
    argv: tuple[str, ...]
    why: str


class ExtendInitramfs(Part):
    """Append files of the host to its initramfs: the keyboard's, and copies of `files`."""

    do: Literal["extend-initramfs"] = "extend-initramfs"
    path: str
    sha256: str  # of the image's own initramfs
    keyboard: bool
    files: tuple[str, ...]


class RebuildInitramfs(Part):
    """Have the host's own tools build its initramfs anew: with the packs' modules, which have to be found in it."""

    do: Literal["rebuild-initramfs"] = "rebuild-initramfs"
    path: str
    kernel: str
    modules: tuple[str, ...]


class InstallBiosBoot(Part):
    """Put GRUB's boot and core images into the disk's MBR gap and BIOS boot partition."""

    do: Literal["install-bios-boot"] = "install-bios-boot"
    disk: str
    partition: int
    root_uuid: str
    modules: tuple[str, ...]


class FillEsp(Part):
    """Copy files of the host (by path) and texts into an EFI system partition, without mounting it."""

    do: Literal["fill-esp"] = "fill-esp"
    device: Device
    copies: dict[str, str]  # path on the ESP → path in the host
    texts: dict[str, str]  # path on the ESP → text


class RegisterBootEntry(Part):
    """Tell this machine's firmware about the new system; failing is a warning, the removable path works without."""

    do: Literal["register-boot-entry"] = "register-boot-entry"
    disk: str
    partition: int
    label: str


class VerifyHost(Part):
    """Compare what arrived with what was to arrive: digests of boot files, and every file of this plan."""

    do: Literal["verify-host"] = "verify-host"
    boot_files: dict[str, str]
    root_uuid: str


class KeepRecords(Part):
    """Leave log, plan and the replayable answer file on the host. It holds no password, but the hooks: it is not printed."""

    do: Literal["keep-records"] = "keep-records"
    answers: str

    @field_serializer("answers", when_used="json")
    def _print_answers(self, answers: str, info: SerializationInfo) -> str:
        return _hidden(answers, info)


class CheckFilesystem(Part):
    """Unmount if need be and check a file system, read-only."""

    do: Literal["check-filesystem"] = "check-filesystem"
    device: Device
    fstype: Literal["ext4", "vfat"]


Action = Annotated[
    RunHook
    | SetClock
    | WipeDisk
    | WritePartitions
    | CreateArray
    | MakeFilesystem
    | CreateThinPool
    | UnpackSystem
    | WriteFile
    | MakeLink
    | Remove
    | SetRootPassword
    | InstallPackages
    | InstallPack
    | RunInHost
    | ExtendInitramfs
    | RebuildInitramfs
    | InstallBiosBoot
    | FillEsp
    | RegisterBootEntry
    | VerifyHost
    | KeepRecords
    | CheckFilesystem,
    Field(discriminator="do"),
]


class Stage(Part):
    """A named group of actions, idempotent as a whole: a resumed run repeats an unfinished one from its start."""

    name: str
    title: str
    actions: tuple[Action, ...]


class Loss(Part):
    """What will be destroyed on one disk, in words."""

    disk: str
    identity: str
    lines: tuple[str, ...]


class Plan(Part):
    """The whole installation."""

    format: Literal[1] = 1
    seed: Seed
    title: str
    disks: tuple[PlannedDisk, ...]
    root: Device  # where the host's root file system is
    destroys: tuple[Loss, ...]
    warnings: tuple[str, ...]
    facts: dict[str, str]  # what to tell at the end: addresses, how to log in, how to boot
    stages: tuple[Stage, ...]

    def disk(self, key: str) -> PlannedDisk:
        """The planned disk with this key."""
        return next(disk for disk in self.disks if disk.key == key)

    def digest(self) -> str:
        """Names what will be done, but not what will be lost, nor under which node this boot shows a disk: the same before
        and after a half-finished run and a power cut.
        """
        # A disk that has no more than its node says so in its identity.
        nameless = [disk if disk.image else disk.model_copy(update={"path": ""}) for disk in self.disks]
        same = self.model_copy(update={"disks": tuple(nameless)})
        text = same.model_dump_json(include={"seed", "disks", "stages"}, context=_FOR_DIGEST)
        return hashlib.sha256(text.encode()).hexdigest()
