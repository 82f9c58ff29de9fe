"""The packs that a host has, by the manifests and records that came with them."""

import hashlib
import tomllib
from dataclasses import dataclass

from xeninstall.host.tree import Tree
from xeninstall.packs.errors import PackError
from xeninstall.packs.model import MANIFEST, MANIFEST_MAXIMUM_BYTES, Manifest
from xeninstall.packs.places import KEPT


@dataclass(frozen=True)
class HostPack:
    """A pack of the host's. Without a manifest it cannot be read any more."""

    name: str
    digest: str  # sha256 of its pack.toml, as answers pin it
    signed_by: str
    manifest: Manifest | None

    @property
    def title(self) -> str:
        """`acme-raid 1.2`."""
        return self.manifest.title if self.manifest else self.name

    @property
    def kernel(self) -> str:
        """The only kernel that its modules are for, or nothing."""
        return (self.manifest.kernel or "") if self.manifest and self.manifest.modules else ""


def read(tree: Tree) -> tuple[HostPack, ...]:
    """By name."""
    found = ((name, tree.text(f"{KEPT}/{name}/{MANIFEST}", most_bytes=MANIFEST_MAXIMUM_BYTES)) for name in tree.names(KEPT))
    return tuple(_pack(tree, name, text.encode()) for name, text in found if text is not None)


def _pack(tree: Tree, name: str, text: bytes) -> HostPack:
    try:
        manifest = Manifest.parse(text)
    except PackError:
        manifest = None
    try:
        signed_by = str(tomllib.loads(tree.text(f"{KEPT}/{name}/record.toml") or "").get("signed_by", ""))
    except tomllib.TOMLDecodeError:
        signed_by = ""
    return HostPack(name, hashlib.sha256(text).hexdigest(), signed_by, manifest)
