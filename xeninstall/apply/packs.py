"""A pack into the host: its files where kernel and firmware loader look first, its packages by the host's own apt."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.packs.bare import digest_of
from xeninstall.packs.load import check_installed
from xeninstall.packs.model import MANIFEST, Manifest, Pack
from xeninstall.packs.places import copy_into, kept, places
from xeninstall.plan.model import InstallPack, Plan

from .hooks import install_debs
from .host_files import inside
from .target import Target


def check(plan: Plan, packs: Iterable[Pack]) -> None:
    """Before anything is written: is each pack of the plan at hand, and whole? Raises Error."""
    ready = tuple(packs)
    for action in _actions(plan):
        pack = find(action, ready)
        for path, digest in pack.manifest.files.items():
            if not (pack.place / path).is_file() or digest_of(pack.place / path) != digest:
                hint = "load the pack again; nothing was written"
                raise Error(f"{path} of the pack {pack.manifest.title} is damaged, or gone, since it was read", hint=hint)


def find(action: InstallPack, packs: Iterable[Pack]) -> Pack:
    """The pack that an action means. Raises Error when it is not at hand."""
    for pack in packs:
        if pack.digest == action.digest:
            return pack
    raise Error(f"the pack {action.name} {action.version} is not at hand", hint="load it again, then use --resume")


def install(action: InstallPack, pack: Pack, target: Target) -> None:
    """Copy, then install the packages, whose files the host need not keep. Raises PackError."""
    root = target.root()
    copy_into(pack, lambda path: inside(root, path), [])
    where = places(pack.manifest)
    debs = [where[path] for path in pack.manifest.part("debs")]
    if debs:
        check_installed(pack, install_debs(debs, target, check=False))
    for path in debs:
        inside(root, path).unlink(missing_ok=True)
    if debs:
        inside(root, f"{kept(pack.manifest)}/debs").rmdir()


def damaged(plan: Plan, root: Path) -> Iterator[str]:
    """Files of packs that are not in the host as their manifest says."""
    for action in _actions(plan):
        text = inside(root, f"/var/lib/xeninstall/packs/{action.name}/{MANIFEST}")
        if not text.is_file() or digest_of(text) != action.digest:
            yield str(text.relative_to(root))
            continue
        manifest = Manifest.parse(text.read_bytes())
        for path, place in places(manifest, debs=False).items():
            found = inside(root, place)
            if not found.is_file() or digest_of(found) != manifest.files[path]:
                yield place


def _actions(plan: Plan) -> Iterator[InstallPack]:
    return (action for stage in plan.stages for action in stage.actions if isinstance(action, InstallPack))
