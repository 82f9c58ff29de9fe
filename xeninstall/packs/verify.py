"""Is the pack what its manifest says, whose word is that, and does it fit? All three are known before anything of it is used."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.run import Runner

from .bare import as_pack, digests_of
from .errors import PackError, WrongKernel
from .keys import Key, signature_of
from .model import MANIFEST, MANIFEST_MAXIMUM_BYTES, SIGNATURE, Manifest, Pack, Trust
from .module import kernel_of
from .names import shown

_AGAIN = "get the pack from its maker again"


@dataclass(frozen=True)
class Demands:
    """What a pack has to meet. `sha256` pins the very pack, `key` the very signer."""

    kernel: str | None = None
    sha256: str | None = None
    key: Key | None = None
    allow_unsigned: bool = False


def verify(tree: Path, source: str, keys: Iterable[Key], runner: Runner) -> Pack:
    """The pack in a tree that `read` has filled. Raises PackError naming the first file that is not as it should be."""
    if not (tree / MANIFEST).is_file():
        as_pack(tree, source.rstrip("/").rpartition("/")[2], runner)
    with (tree / MANIFEST).open("rb") as file:
        text = file.read(MANIFEST_MAXIMUM_BYTES + 1)
    if len(text) > MANIFEST_MAXIMUM_BYTES:
        raise PackError(f"{MANIFEST} is larger than {MANIFEST_MAXIMUM_BYTES // 2**20} MiB", hint=_AGAIN)
    # Before the manifest is believed, whoever signed it is known.
    signature = signature_of(text, tree / SIGNATURE, keys, runner)
    manifest = Manifest.parse(text)
    _check_files(tree, manifest)
    for path in manifest.part("modules"):
        kernel = kernel_of(tree / path, runner)
        if kernel != manifest.kernel:
            raise PackError(f"{path} was built for the kernel {kernel}, although {MANIFEST} says {manifest.kernel}", hint=_AGAIN)
    size = sum((tree / path).stat().st_size for path in manifest.files)
    return Pack(manifest, tree, hashlib.sha256(text).hexdigest(), signature, source, size)


def _check_files(tree: Path, manifest: Manifest) -> None:
    found = {path: digest for path, digest in digests_of(tree).items() if path not in (MANIFEST, SIGNATURE)}
    for path, digest in manifest.files.items():
        if path not in found:
            raise PackError(f"{shown(path)} is missing from the pack", hint=_AGAIN)
        if found[path] != digest:
            raise PackError(f"{shown(path)} is damaged: sha256 {found[path]} instead of {digest}", hint=_AGAIN)
    extra = sorted(found.keys() - manifest.files.keys())
    if extra:
        raise PackError(f"{shown(extra[0])} is in the pack, but not in its {MANIFEST}", hint="do not use this pack; " + _AGAIN)


def accept(pack: Pack, demands: Demands) -> None:
    """Raises PackError for a pack that is not trusted or not the one that was meant, WrongKernel for one that cannot fit."""
    manifest = pack.manifest
    if demands.sha256 is not None and pack.digest != demands.sha256:
        raise PackError(
            f"this is another pack than was asked for: its sha256 is {pack.digest} instead of {demands.sha256}",
            hint="the sha256 is that of pack.toml, as `xeninstall pack inspect` prints it",
        )
    if demands.key is not None and pack.signature.fingerprint != demands.key.fingerprint:
        raise PackError(f"{manifest.title} is signed by {pack.signature.text}, not by the key that was asked for", hint=_AGAIN)
    if pack.signature.trust is not Trust.TRUSTED and not demands.allow_unsigned:
        if pack.signature.trust is Trust.UNSIGNED:
            raise PackError(
                f"{manifest.title} is unsigned", hint="if it is meant all the same: --allow-unsigned, or allow_unsigned = true"
            )
        raise PackError(
            f"{manifest.title} is signed by {pack.signature.text}",
            hint="trust the key with --key FILE, or take the pack as if it were unsigned with --allow-unsigned",
        )
    check_kernel(manifest, demands.kernel)


def check_kernel(manifest: Manifest, kernel: str | None) -> None:
    """Raises WrongKernel when the pack's modules are for another kernel than this one."""
    if kernel is not None and manifest.kernel is not None and manifest.modules and manifest.kernel != kernel:
        raise WrongKernel(
            f"{manifest.title} has modules for the kernel {manifest.kernel}, and this one is {kernel}",
            hint=f"get the pack that was made for {kernel}",
        )
