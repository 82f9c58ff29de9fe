"""A host's settings as answers: what its files say over what its answer file says, and where the two differ."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from xeninstall.answers.fields import Section
from xeninstall.answers.salvage import salvage
from xeninstall.answers.sections import Sections
from xeninstall.answers.source import parse
from xeninstall.base.errors import Error
from xeninstall.packs.read import shown_source

from .settings import clock, dns, firewall, keyboard, login, name, network, packages, packs
from .settings.packs import HostPack
from .tree import Tree

KEPT = "/etc/xeninstall/answers.toml"
# In the order of the wizard.
_READERS: dict[str, Callable[[Tree], dict[str, Any] | None]] = {
    "keyboard": keyboard.read,
    "root": login.read,
    "network": network.read,
    "host": name.read,
    "dns": dns.read,
    "time": clock.read,
    "firewall": firewall.read,
    "packages": packages.read,
}
# The answer file names a card in many ways, and keeps no password: neither tells of a change.
_NOT_COMPARED = ("root.password_hash", "root.password_file", "root.password_stdin", "time.clock")


@dataclass(frozen=True)
class Drift:
    """A setting that is not as the answer file says."""

    key: str
    kept: object
    found: object


@dataclass(frozen=True)
class Current:
    """The host as it is. `data` are answers; `unread` are sections that something else than xeninstall keeps here."""

    data: dict[str, Any]
    unread: tuple[str, ...]
    drift: tuple[Drift, ...]
    kept: bool  # whether there is an answer file
    packs: tuple[HostPack, ...] = ()


def read(tree: Tree) -> Current:
    """Never fails: what cannot be read is left out."""
    kept = _kept(tree)
    found = {section: reader(tree) for section, reader in _READERS.items()}
    there = {section: valid(section, data) for section, data in found.items() if data is not None}
    unread = tuple(section for section, data in found.items() if data is None)
    said = _without_the_usual(kept)
    drift = tuple(one for section in there for one in _drift(section, said.get(section, {}), there[section])) if kept else ()
    has = packs.read(tree)
    drift += tuple(_drift_of_packs(said.get("packs"), has)) if kept else ()
    return Current(copy.deepcopy({**kept, **there}), unread, drift, bool(kept), has)


def valid(section: str, data: dict[str, Any]) -> dict[str, Any]:
    """What the answers' own model takes of a section."""
    whole = {section: copy.deepcopy(data)}
    salvage(whole)  # cuts what is wrong out of what it is given
    out: dict[str, Any] = whole.get(section, {})
    return out


def _kept(tree: Tree) -> dict[str, Any]:
    text = tree.text(KEPT)
    if not text:
        return {}
    try:
        data = parse(tree.root / KEPT.lstrip("/"), text)
    except Error:
        return {}
    salvage(data)
    return data


def _without_the_usual(kept: dict[str, Any]) -> dict[str, Any]:
    """A search domain that is the host's own reads back as none: it is what a host without one searches."""
    dns, domain = kept.get("dns", {}), kept.get("host", {}).get("domain")
    if not domain or dns.get("search") != [domain]:
        return kept
    return {**kept, "dns": {key: value for key, value in dns.items() if key != "search"}}


def _drift(section: str, kept: dict[str, Any], found: dict[str, Any]) -> list[Drift]:
    before, now = (_flat(section, getattr(salvage({section: copy.deepcopy(one)})[0], section)) for one in (kept, found))
    out = []
    for key, value in now.items():
        named = key in ("network.nic", "network.bond.members") and ":" not in str(before.get(key, "auto"))
        if value != before.get(key) and key not in _NOT_COMPARED and not named:
            out.append(Drift(key, before.get(key), value))
    return out


def _drift_of_packs(kept: object, found: tuple[HostPack, ...]) -> Iterator[Drift]:
    """By what answers pin; one that is not pinned may be any."""
    wanted = {str(one.get("sha256", "")): shown_source(str(one["source"])) for one in kept} if isinstance(kept, list) else {}
    there = {one.digest for one in found}
    yield from (Drift("packs", source, "") for digest, source in wanted.items() if digest and digest not in there)
    if "" not in wanted:
        yield from (Drift("packs", "", one.title) for one in found if one.digest not in wanted)


def _flat(path: str, section: Any) -> dict[str, object]:  # noqa: ANN401 — any table
    out: dict[str, object] = {}
    for field in type(section).model_fields:
        value = getattr(section, field)
        if isinstance(value, Section):
            out |= _flat(f"{path}.{field}", value)
        else:
            out[f"{path}.{field}"] = value
    return out


def sections_of(data: dict[str, Any]) -> Sections:
    """The valid part of answers, with defaults elsewhere."""
    return salvage(copy.deepcopy(data))[0]
