"""Second stage: the package sets as .deb files inside the image, each with all that the base system lacks for it.

The image's own apt works out what that is, and then has to install every set from the files alone, in simulation, so that a
set that would not install on a host without network fails the build instead.
"""

import json
import re
import shutil
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.plan.system_image import OfflineSet

from .builder import Build, BuildError, pretty, write
from .contained import run_inside
from .lists import Section
from .measure import unpacked_bytes

POOL = "/var/lib/xeninstall/pool"
_INDEX = "sets.json"
_INSTALL = ("apt-get", "-q", "-y", "install", "--no-install-recommends")
_NO_SOURCES = ("-o", "Dir::State::Lists=/tmp", "-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null")


def fill(build: Build) -> None:
    """Download every set's closure into the pool, prove it, measure it, and write what was found beside it."""
    pool = build.base / POOL.lstrip("/")
    shutil.rmtree(pool, ignore_errors=True)
    pool.mkdir(parents=True)
    sets = {section.name: _fetch(build, section, pool) for section in build.packages.sets}
    write(pool / _INDEX, pretty({name: found.model_dump(mode="json") for name, found in sets.items()}))
    for path in pool.glob("*.deb"):
        path.chmod(0o644)


def read_sets(root: Path) -> dict[str, OfflineSet]:
    """The sets in a finished tree."""
    found = json.loads((root / POOL.lstrip("/") / _INDEX).read_bytes())
    return {name: OfflineSet.model_validate(value) for name, value in found.items()}


def closure(print_uris: str) -> tuple[str, ...]:
    """The file names out of `apt-get --print-uris`: lines of 'uri' name size digest."""
    names = re.findall(r"^'[^']+' (\S+\.deb) [0-9]+ ", print_uris, re.MULTILINE)
    return tuple(sorted(names))


def _fetch(build: Build, section: Section, pool: Path) -> OfflineSet:
    try:
        # The closure first, with an empty archive, since apt does not list what it already has.
        asked = [*_INSTALL, "--print-uris", "-o", "Dir::Cache::archives=/tmp", *section.names]
        debs = closure(run_inside(build.runner, build.base, asked))
        archives = {"pool": pool}
        (pool / "partial").mkdir()
        fetch = [*_INSTALL, "--download-only", "-o", "Dir::Cache::archives=/run/pool", *section.names]
        run_inside(build.runner, build.base, fetch, archives)
        shutil.rmtree(pool / "partial")
        (pool / "lock").unlink(missing_ok=True)
        missing = [name for name in debs if not (pool / name).is_file()]
        if missing:
            raise BuildError(f"apt did not download {', '.join(missing)}", hint="run the build again")
        offline = [*_INSTALL[:1], "-s", *_NO_SOURCES, *_INSTALL[1:], *(f"/run/pool/{name}" for name in debs)]
        run_inside(build.runner, build.base, offline, archives)
        return OfflineSet(title=section.title, packages=section.names, debs=debs, unpacked_bytes=_unpacked(build, pool, debs))
    except Error as error:
        raise BuildError(
            f"package set {section.name}: {error.message}", hint=error.hint or "mend its lines in iso/packages.txt"
        ) from error


def _unpacked(build: Build, pool: Path, debs: tuple[str, ...]) -> int:
    tree = build.work / "set"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    script = 'cd /run/pool; for deb in "$@"; do dpkg-deb -x "$deb" /run/set; done'
    run_inside(build.runner, build.base, ["sh", "-ec", script, "unpack", *debs], {"pool": pool, "set": tree})
    total = unpacked_bytes(tree)
    shutil.rmtree(tree)
    return total
