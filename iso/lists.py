"""The lists that say what goes into the image, read strictly: a line without a reason is an error, not a default."""

import re
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import UsageError

BASE = "base"
_HEADING = re.compile(r"\[([a-z][a-z0-9-]*)\] (\S.*)")
_PACKAGE_NAME = r"[a-z0-9][a-z0-9+.-]+"
_RULE = re.compile(r"([-+]) (/\S+) +# (\S.*)")
_PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==([0-9][0-9a-z.]*) --hash=sha256:([0-9a-f]{64}) +# (\S.*)")


@dataclass(frozen=True)
class Package:
    """A Debian package that is asked for: the heading it stands under, and why it is there."""

    name: str
    reason: str
    heading: str


@dataclass(frozen=True)
class Section:
    """`base`, or a package set that lies in the image as .deb files."""

    name: str
    title: str
    packages: tuple[Package, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What apt is asked for, in the file's order."""
        return tuple(package.name for package in self.packages)


@dataclass(frozen=True)
class PackageList:
    """packages.txt as a whole."""

    base: Section
    sets: tuple[Section, ...]


@dataclass(frozen=True)
class Pin:
    """One vendored Python package: exactly this version, exactly this wheel."""

    name: str
    version: str
    sha256: str
    reason: str


def read_packages(path: Path, *, entry: str = _PACKAGE_NAME) -> PackageList:
    """Read packages.txt, or a list like it of other names; raises UsageError naming file, line and what a line looks like."""
    line_of_list = re.compile(rf"({entry}) +# (\S.*)")
    found: dict[str, list[Package]] = {}
    titles: dict[str, str] = {}
    section = heading = ""
    for number, line in _lines(path):
        if match := _HEADING.fullmatch(line):
            section, heading = match[1], match[2]
            titles.setdefault(section, heading)
            found.setdefault(section, [])
        elif (match := line_of_list.fullmatch(line)) and section:
            if any(package.name == match[1] for package in found[section]):
                raise UsageError(f"{path}:{number}: {match[1]} stands twice under [{section}]", hint="delete one of the lines")
            found[section].append(Package(match[1], match[2], heading))
        else:
            raise UsageError(f"{path}:{number}: not a package with its reason: {line[:80]}", hint="write: name  # reason")
    if not found.get(BASE):
        raise UsageError(f"{path}: no package under [{BASE}]", hint="give it a [base] heading and packages")
    sections = {name: Section(name, titles[name], tuple(packages)) for name, packages in found.items()}
    return PackageList(sections.pop(BASE), tuple(sections.values()))


def read_pins(path: Path) -> tuple[Pin, ...]:
    """Read vendored.txt, which pip reads too; raises UsageError naming file, line and what a line looks like."""
    pins = []
    for number, line in _lines(path):
        match = _PIN.fullmatch(line)
        if match is None:
            raise UsageError(
                f"{path}:{number}: not a pinned package with its reason: {line[:80]}",
                hint="write: name==version --hash=sha256:…  # reason",
            )
        pins.append(Pin(match[1], match[2], match[3], match[4]))
    return tuple(pins)


def read_left_out(path: Path) -> tuple[str, ...]:
    """Read left_out.txt into dpkg's options, in order; raises UsageError naming file, line and what a line looks like."""
    rules = []
    for number, line in _lines(path):
        match = _RULE.fullmatch(line)
        if match is None:
            raise UsageError(f"{path}:{number}: not a path with its reason: {line[:80]}", hint="write: - /path/*  # reason")
        rules.append(f"{'path-exclude' if match[1] == '-' else 'path-include'}={match[2]}")
    return tuple(rules)


def _lines(path: Path) -> list[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    return [(n, line.rstrip()) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
