"""Fourth stage: the product itself, with the Python packages that Debian lacks, compiled by the image's own Python."""

import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

from xeninstall.base.run import CommandError

from .builder import PRODUCT, Build, BuildError, write
from .contained import run_inside
from .inputs import product_files
from .lists import read_pins

HOME = "/usr/lib/xeninstall"
VENDOR = f"{HOME}/vendor"
# Isolated, so that no variable or directory of the caller changes what runs as root; our directories before Debian's, so that a
# package installed later (python3-rich) does not change what the wizard draws with.
_WRAPPER = """#!/usr/bin/python3 -I
import sys

sys.path[:0] = ["{home}", "{vendor}"]

from {package}.__main__ import main

sys.exit(main())
"""


def install(build: Build) -> None:
    """Lay the product, its vendored packages, commands, manual pages and completions into the tree, and compile them."""
    home = build.root / HOME.lstrip("/")
    shutil.rmtree(home, ignore_errors=True)
    project = tomllib.loads((build.source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for path in product_files(build.source):
        if path.parent != build.source:
            _copy(path, home / path.relative_to(build.source))
    for package in PRODUCT:
        if (build.source / package / "__main__.py").is_file():
            write(build.root / "usr/bin" / package, _WRAPPER.format(home=HOME, vendor=VENDOR, package=package), 0o755)
    _metadata(project, home)
    _vendor(build)
    # unchecked-hash: no time stamp of the build in them, and no look at the source when they are loaded. Before anything of the
    # product runs, which would leave dated ones.
    compile_all = ["python3", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", HOME]
    run_inside(build.runner, build.root, compile_all)
    _manual(build)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def _manual(build: Build) -> None:
    """Manual pages and completion where man and bash look for them, as the product itself renders them."""
    for page in ("xeninstall.8", "xeninstall-answers.5", "xeninstall-boot.7"):
        roff = run_inside(build.runner, build.root, ["xeninstall", "man", page, "--roff"])
        write(build.root / "usr/share/man" / f"man{page[-1]}" / page, roff)
    completion = run_inside(build.runner, build.root, ["xeninstall", "completion", "bash"])
    write(build.root / "usr/share/bash-completion/completions/xeninstall", completion)


def _metadata(project: dict[str, object], home: Path) -> None:
    """What importlib.metadata reads: the version, and the entry points that the wizard finds its flows by."""
    info = home / f"{project['name']}-{project['version']}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project.get("entry-points")
    if isinstance(groups, dict):
        text = "".join(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in groups.items())
        write(info / "entry_points.txt", text)


def _vendor(build: Build) -> None:
    pins = build.source / "iso/vendored.txt"
    wheels = build.output / "cache" / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    fetched = []
    for pin in read_pins(pins):
        names = {pin.name.replace("-", "_"), pin.name}
        fetched.append([path for name in names for path in wheels.glob(f"{name}-{pin.version}-*.whl")])
    if not all(fetched):
        _download(build, pins, wheels)
    target = build.root / VENDOR.lstrip("/")
    for pin in read_pins(pins):
        found = sorted(wheels.glob(f"{pin.name.replace('-', '_')}-{pin.version}-*.whl"))
        if not found:
            raise BuildError(f"pip did not bring {pin.name} {pin.version}", hint="mend iso/vendored.txt")
        with zipfile.ZipFile(found[0]) as wheel:
            wheel.extractall(target)
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _download(build: Build, pins: Path, wheels: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    try:
        build.runner.run([*pip, "-r", str(pins), "-d", str(wheels)])
    except CommandError as error:
        if "No module named pip" in error.message:
            raise BuildError("pip is missing", hint="install the Debian package python3-venv and run: make setup") from error
        raise BuildError(
            f"the vendored Python packages could not be downloaded: {error.message[-400:]}",
            hint="check that pip reaches its package index, then run it again",
        ) from error
