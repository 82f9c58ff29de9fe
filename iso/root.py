"""First stage: Debian itself, by mmdebstrap from its own default mirror, with the packages of packages.txt and nothing more."""

import re
import shutil
from pathlib import Path

from xeninstall.base.errors import Error
from xeninstall.base.run import CommandError

from .builder import Build, BuildError
from .contained import contained, watch
from .lists import read_left_out

SUITE = "trixie"
COMPONENTS = "main,non-free-firmware"
_NETWORK = re.compile(
    r"[Rr]esolv|Could not connect|Connection (timed out|refused|failed)|Failed to fetch|Unable to connect|unreachable"
)
_SPACE = "No space left on device"


def mmdebstrap(build: Build, target: Path, log: Path) -> list[str]:
    """The argument list: the package lists stay, since the package sets are worked out from them."""
    return [
        "mmdebstrap",
        "--mode=root",
        "--format=directory",
        "--architectures=amd64",
        "--variant=minbase",
        f"--components={COMPONENTS}",
        "--include=" + ",".join(build.packages.base.names),
        "--skip=cleanup/apt/lists",
        *(f"--dpkgopt={rule}" for rule in read_left_out(build.source / "iso/left_out.txt")),
        # Index of the manual pages: rebuilt daily on the host, costs half a minute here and differs every time.
        '--essential-hook=echo man-db man-db/auto-update boolean false | chroot "$1" debconf-set-selections',
        f"--logfile={log}",
        SUITE,
        str(target),
    ]


def bootstrap(build: Build) -> None:
    """Fill `build.base` with Debian. Needs the network, and is the only stage but the vendored wheels that does."""
    log = build.output / "mmdebstrap.log"
    log.unlink(missing_ok=True)
    argv = mmdebstrap(build, build.base, log)
    try:
        watch(build.runner, contained(argv), argv[:1], lambda: _last_line(log), build.say)
    except CommandError as error:
        raise explain(error, _said(log), build.output) from error


def explain(error: CommandError, log: str, output: Path) -> Error:
    """What a failed download or installation means to the person who waits for the image."""
    said = f"{log}\n{error.message}"
    errors = [line.strip() for line in said.splitlines() if re.match(r"\s*(E:|Err:|dpkg: error)", line)]
    last = "; ".join(dict.fromkeys(errors[-3:]))[:600] or error.message
    unreached = next((line.strip() for line in said.splitlines() if _NETWORK.search(line)), "")
    if _SPACE in said:
        free_mib = shutil.disk_usage(output).free // 2**20
        return BuildError(
            f"no space left in {output} while Debian was installed ({free_mib} MiB free now)",
            hint="free 4 GiB there and run it again",
        )
    if unreached:
        return BuildError(
            f"Debian's packages could not be downloaded: {unreached[:300]}",
            hint="check that this machine reaches Debian's mirror (network, name resolution, proxy), then run it again",
        )
    return BuildError(
        f"Debian could not be installed into the image: {last}", hint=f"see {output / 'mmdebstrap.log'}, then run it again"
    )


def _said(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _last_line(log: Path) -> str:
    lines = [line for line in _said(log).splitlines() if line.strip()]
    return lines[-1].removeprefix("I: ")[:110] if lines else ""
