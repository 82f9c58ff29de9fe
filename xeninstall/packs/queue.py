"""Packs that were loaded here wait for the installation that follows, which takes them along: below /run, until the next boot."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from xeninstall.answers.model import PackSource

from .errors import PackError
from .model import MANIFEST, Manifest, Pack, Signature, Trust

QUEUE = Path("/run/xeninstall/packs")
_TREE, _RECORD = "tree", "record.json"


class Record(BaseModel):
    """What the queue knows of a pack beside its files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    source: str
    trust: Trust
    signer: str
    fingerprint: str
    key: str
    size_bytes: int


def put(pack: Pack, queue: Path = QUEUE) -> Pack:
    """Move a pack's files into the queue, in place of another version of it. Its tree has to lie inside the queue already."""
    signature = pack.signature
    record = Record(
        digest=pack.digest,
        source=pack.source,
        trust=signature.trust,
        signer=signature.signer,
        fingerprint=signature.fingerprint,
        key=signature.key,
        size_bytes=pack.size_bytes,
    )
    home = pack.place.parent / "queued"
    home.mkdir()
    (home / _RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    pack.place.rename(home / _TREE)
    place = queue / pack.manifest.name
    forget(pack.manifest.name, queue)
    home.rename(place)
    return replace(pack, place=place / _TREE)


def forget(name: str, queue: Path = QUEUE) -> None:
    """Take a pack out of the queue."""
    shutil.rmtree(queue / name, ignore_errors=True)


def prepare(queue: Path = QUEUE) -> Path:
    """Make the queue's directory; a URL in a record may hold a token."""
    queue.mkdir(parents=True, exist_ok=True)
    queue.chmod(0o700)
    return queue


def queued(queue: Path = QUEUE) -> list[Pack]:
    """The packs that wait, by name. Raises PackError for one whose record cannot be read."""
    return list(_queued(queue))


def _queued(queue: Path) -> Iterator[Pack]:
    try:
        homes = sorted(path for path in queue.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, PermissionError):
        return  # nothing was loaded, or by root, whose affair it then is
    for home in homes:
        try:
            record = Record.model_validate_json((home / _RECORD).read_bytes())
            manifest = Manifest.parse((home / _TREE / MANIFEST).read_bytes())
        except (OSError, ValidationError, PackError):
            raise PackError(
                f"the queued pack {home.name} cannot be read", hint=f"remove {home}, and load the pack again"
            ) from None
        signature = Signature(record.trust, record.signer, record.fingerprint, record.key)
        yield Pack(manifest, home / _TREE, record.digest, signature, record.source, record.size_bytes)


def with_queued(wanted: Sequence[PackSource], queue: Path = QUEUE) -> tuple[PackSource, ...]:
    """What the answers ask for and what was loaded before, each once: the answer file that installs the same again."""
    known = {one.source for one in wanted} | {one.sha256 for one in wanted}
    return (*wanted, *(as_answer(pack) for pack in queued(queue) if pack.source not in known and pack.digest not in known))


def answers_with(given: object, pack: Pack, gone: Collection[str]) -> list[dict[str, object]]:
    """The answers' packs and this one, in place of those that it replaces: `gone` are their digests."""
    others = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    others = [one for one in others if one.get("sha256") not in {*gone, pack.digest} and one.get("source") != pack.source]
    return [*others, as_answer(pack).model_dump(exclude_none=True, exclude_defaults=True)]


def as_answer(pack: Pack) -> PackSource:
    """The answer that asks for this very pack. Raises PackError where its source may not stand in answers."""
    trust = pack.signature.trust is Trust.TRUSTED
    try:
        return PackSource(source=pack.source, sha256=pack.digest, key=pack.signature.key or None, allow_unsigned=not trust)
    except ValidationError as error:
        what, _, remedy = error.errors()[0]["msg"].partition("; ")
        raise PackError(what, hint=remedy) from None
