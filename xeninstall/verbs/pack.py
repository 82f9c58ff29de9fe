"""`xeninstall pack`: make a pack, look into one, judge it, load it into the running system."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xeninstall.base.errors import UsageError
from xeninstall.base.events import Emit, Event, Note
from xeninstall.base.run import SystemRunner
from xeninstall.base.sizes import format_size
from xeninstall.packs.keys import DIRECTORIES, Key, keys_in, trusted
from xeninstall.packs.model import Kind, Pack
from xeninstall.packs.names import PARTS
from xeninstall.packs.read import read, shown_source
from xeninstall.packs.verify import Demands, accept, verify

from .install import must_be_root

_ONLY_WITH_BUILD = ("output", "name", "pack_version", "load", "sign")


def run(args: argparse.Namespace) -> int:
    """Do the action; a pack that is refused is an error."""
    if args.action != "build":
        for option in _ONLY_WITH_BUILD:
            if getattr(args, option):
                raise UsageError(f"--{option.replace('_', '-')} goes with build", hint="leave it out")
    match args.action:
        case "build":
            return _build(args)
        case "inspect":
            with _opened(args) as pack:
                _show(pack, as_json=args.json)
        case "verify":
            with _opened(args) as pack:
                accept(pack, Demands(args.kernel, args.sha256, allow_unsigned=args.allow_unsigned))
                _show(pack, as_json=args.json)
        case "load":
            return _load(args)
    return 0


def _build(args: argparse.Namespace) -> int:
    from xeninstall.packs.bare import plain_name
    from xeninstall.packs.build import Wanted, build

    if not args.output or not args.pack_version:
        raise UsageError("build needs --output and --pack-version", hint="such as: --output raid.tar.zst --pack-version 1.0")
    folder = Path(args.source)
    load = tuple(args.load) if args.load else None
    name = args.name or plain_name(folder.resolve().name)
    wanted = Wanted(name, args.pack_version, Kind(args.kind), args.kernel, args.description, load)
    manifest = build(folder, Path(args.output), wanted, Path(args.sign) if args.sign else None, SystemRunner())
    if args.json:
        print(json.dumps({"name": manifest.name, "version": manifest.version, "output": args.output, "signed": bool(args.sign)}))
    else:
        signed = "signed" if args.sign else "NOT signed (--sign KEYFILE)"
        print(f"{args.output}: {manifest.title}, {len(manifest.files)} files, {signed}")
    return 0


def _load(args: argparse.Namespace) -> int:
    from xeninstall.packs.load import load
    from xeninstall.packs.queue import prepare, put

    must_be_root()
    runner = SystemRunner()
    queue = prepare()
    with read(args.source, runner, _tell(args), queue) as tree:
        pack = verify(tree, _whole(args.source), _keys(args), runner)
        accept(pack, Demands(os.uname().release, args.sha256, allow_unsigned=args.allow_unsigned))
        done = load(pack, runner, _tell(args))
        kept = put(pack, queue)
    if args.json:
        shown = _as_json(kept) | {"loaded": done.modules, "new_disks": done.disks, "new_nics": done.nics, "queued": True}
        print(json.dumps(shown, indent=1))
        return 0
    print(f"{kept.manifest.title} is loaded, signed by {kept.signature.text}.")
    if done.modules:
        print(f"  modules:     {', '.join(done.modules)}")
    print(f"  new disks:   {', '.join(done.disks) or 'none'}")
    print(f"  new NICs:    {', '.join(done.nics) or 'none'}")
    print("  An installation from here takes it along, into the host and its initramfs.")
    return 0


@contextmanager
def _opened(args: argparse.Namespace) -> Iterator[Pack]:
    runner = SystemRunner()
    with tempfile.TemporaryDirectory(prefix="xeninstall-pack-") as place:
        with read(args.source, runner, _tell(args), Path(place)) as tree:
            yield verify(tree, _whole(args.source), _keys(args), runner)


def _keys(args: argparse.Namespace) -> list[Key]:
    return [*trusted(DIRECTORIES), *(key for name in args.key or () for key in keys_in(Path(name)))]


def _whole(source: str) -> str:
    """A queued pack is asked for again from wherever the next command is given."""
    return source if "://" in source else str(Path(source).absolute())


def _tell(args: argparse.Namespace) -> Emit:
    def tell(event: Event) -> None:
        if isinstance(event, Note) and not args.json:
            print(f"{'Warning: ' if event.warning else ''}{event.text}", file=sys.stderr)

    return tell


def _show(pack: Pack, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_as_json(pack), indent=1))
        return
    manifest = pack.manifest
    rows = [
        ("pack", f"{manifest.title} ({manifest.kind})"),
        ("about", manifest.description),
        ("kernel", manifest.kernel or "any: it has no modules" if not manifest.modules else manifest.kernel),
        ("signed by", pack.signature.text),
        ("sha256", pack.digest),
        ("modules", ", ".join(manifest.modules)),
        ("loads", ", ".join(manifest.loads) if manifest.loads != manifest.modules else ""),
    ]
    rows += [(part, f"{len(manifest.part(part))} files" if manifest.part(part) else "") for part in PARTS if part != "modules"]
    for name, value in [*rows, ("size", format_size(pack.size_bytes))]:
        if value:
            print(f"{name + ':':<12}{value}")


def _as_json(pack: Pack) -> dict[str, Any]:
    return {
        **pack.manifest.model_dump(mode="json", exclude={"format"}),
        "modules": pack.manifest.modules,
        "sha256": pack.digest,
        "trust": pack.signature.trust.value,
        "signer": pack.signature.signer,
        "fingerprint": pack.signature.fingerprint,
        "source": shown_source(pack.source),
        "size_bytes": pack.size_bytes,
    }
