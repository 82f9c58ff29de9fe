"""The host's system image as a value: what `iso/build.py` says of the squashfs that it packed, in a JSON file beside it.

`system.squashfs` is described by `system.json`; planner and installer believe nothing about the image but this.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from xeninstall.base.errors import UsageError

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class OfflineSet(BaseModel):
    """A package set whose .deb files lie inside the image, under /var/lib/xeninstall/pool."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    packages: tuple[str, ...]  # what was asked for
    debs: tuple[str, ...]  # file names, with everything that the base system lacks for them
    unpacked_bytes: int


class SystemImage(BaseModel):
    """What the squashfs holds; every field is measured when it is built."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(1, ge=1, le=1)
    product: str  # version of xeninstall inside
    sha256: Sha256  # of the squashfs file
    size_bytes: int  # of the squashfs file
    unpacked_bytes: int  # as du counts the tree, in 4 KiB blocks
    inodes: int
    debian: str  # 13.2
    kernel: str  # release: 6.12.57+deb13-amd64
    xen: str  # hypervisor file under /boot: xen-4.20-amd64.gz
    boot_files: dict[str, Sha256]  # /boot/vmlinuz-…, /boot/initrd.img-…, /boot/xen-…: what must arrive intact
    packages: dict[str, str]  # name → version of every installed package
    sets: dict[str, OfflineSet] = {}

    def to_json(self) -> str:
        """As it lies beside the squashfs, with sorted keys so that equal images have equal descriptions."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str) -> Self:
        """Read a description; raises UsageError naming the file and the first wrong field."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise UsageError(
                f"{where}: {field or 'the file'}: {first['msg']}",
                hint="build the image and its description anew with: make image",
            ) from None

    @classmethod
    def unknown(cls, product: str) -> Self:
        """In the place of one where nothing is unpacked: a rehearsal, or a host that is installed already."""
        return cls(
            product=product,
            sha256="0" * 64,
            size_bytes=0,
            unpacked_bytes=0,
            inodes=0,
            debian="13",
            kernel="unknown",
            xen="unknown",
            boot_files={"/boot/initrd.img-unknown": "0" * 64},
            packages={},
        )
