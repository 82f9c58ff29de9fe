"""What every stage of the build is handed: where things lie, who starts processes, and the moment all files are dated to."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import Runner

from .lists import PackageList

# Every time stamp in the image is this one or older, so that equal inputs give equal bytes. It is the release's day, not the
# build's: moved by hand when a release is made. 2026-11-23 00:00 UTC.
SOURCE_DATE_EPOCH = 1795392000
# Packages of ours that go into the image, as far as they exist in the source tree.
PRODUCT = ("xeninstall", "p2v")


class BuildError(Error):
    """The image could not be built; nothing that was there before has been touched."""


@dataclass(frozen=True)
class Build:
    """One run of the builder."""

    runner: Runner
    source: Path  # the project's top directory
    output: Path  # where the image lands
    packages: PackageList
    say: Callable[[str], None]

    @property
    def work(self) -> Path:
        """Scratch of this run: readable by root alone, since the tree in it holds set-user-id programs."""
        return self.output / ".work"

    @property
    def root(self) -> Path:
        """The tree that becomes the image."""
        return self.work / "root"

    @property
    def out(self) -> Path:
        """Where the image and its description are written before they are published together."""
        return self.work / "out"

    @property
    def base(self) -> Path:
        """The tree with Debian alone in it, before the product: kept between builds."""
        return self.work / "base"


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file of the image with exactly these permissions, whatever the builder's umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def every_path(tree: Path) -> list[Path]:
    """Everything below a tree, itself included, sorted, links not followed."""
    paths = [tree]
    for folder, folders, files in os.walk(tree):
        paths += [Path(folder, name) for name in folders + files]
    return sorted(paths)


def pretty(value: object) -> str:
    """JSON as the image keeps it: sorted and indented, so that equal values are equal bytes."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
