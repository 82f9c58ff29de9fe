"""Driver and supplemental packs: into the host before its initramfs is made, and loaded at each of its boots."""

from xeninstall import __version__
from xeninstall.answers.toml import toml_value
from xeninstall.packs.errors import WrongKernel
from xeninstall.packs.model import Manifest, Pack
from xeninstall.packs.places import kept
from xeninstall.packs.verify import check_kernel

from .check import Finding
from .model import Action, InstallPack, RunInHost, WriteFile
from .wanted import Wanted


def findings(packs: tuple[Pack, ...], kernel: str) -> list[Finding]:
    """Packs that cannot work with the kernel of the host."""
    out = []
    for pack in packs:
        try:
            check_kernel(pack.manifest, kernel)
        except WrongKernel as error:
            out.append(Finding(f"packs: {error.message}", error.hint))
    return out


def install(wanted: Wanted) -> tuple[Action, ...]:
    """The packs' files and packages, what is known of them later, and which modules are loaded at boot, by the initramfs too."""
    out: list[Action] = []
    for pack in wanted.packs:
        out += _one(pack)
    if any(pack.manifest.modules for pack in wanted.packs):
        why = "the kernel's list of modules, with those of the packs"
        out.append(RunInHost(argv=("depmod", "--all", wanted.image.kernel), why=why))
    return tuple(out)


def change_initramfs(wanted: Wanted) -> bool:
    """Whether some pack has what the initramfs must have, too."""
    return any(pack.manifest.early for pack in wanted.packs)


def _one(pack: Pack) -> list[Action]:
    manifest = pack.manifest
    out: list[Action] = [
        InstallPack(
            name=manifest.name,
            version=manifest.version,
            digest=pack.digest,
            signed_by=pack.signature.text,
            kernel=manifest.kernel or "",
            size_bytes=pack.size_bytes,
        ),
    ]
    return [*out, *records(pack)]


def records(pack: Pack) -> list[WriteFile]:
    """What a host knows of a pack, and which of its modules are loaded at every boot."""
    manifest = pack.manifest
    out = [WriteFile(path=f"{kept(manifest)}/record.toml", text=_record(pack))]
    if manifest.loads:
        names = "".join(f"{name}\n" for name in manifest.loads)
        head = f"# Written by xeninstall, for the pack {manifest.title}.\n"
        out.append(WriteFile(path=f"/etc/modules-load.d/xeninstall-{manifest.name}.conf", text=head + names))
        # initramfs-tools takes the modules of these files into every initramfs, and loads them first (initramfs-tools(7)).
        out.append(WriteFile(path=f"/usr/share/initramfs-tools/modules.d/xeninstall-{manifest.name}", text=head + names))
    return out


def _record(pack: Pack) -> str:
    manifest = pack.manifest
    lines = [
        f"# The pack {manifest.title}, installed by xeninstall {__version__}.",
        *(_note(manifest) if manifest.modules else []),
        f"name = {toml_value(manifest.name)}",
        f"version = {toml_value(manifest.version)}",
        f"signed_by = {toml_value(pack.signature.text)}",
        f"sha256 = {toml_value(pack.digest)}",
    ]
    return "\n".join(lines) + "\n"


def _note(manifest: Manifest) -> list[str]:
    return [
        f"# Its modules are for the kernel {manifest.kernel} alone. When Debian brings a newer one, get the pack that was",
        "# made for it, or keep starting this kernel: GRUB lists it under the advanced options.",
        f"kernel = {toml_value(manifest.kernel)}",
    ]
