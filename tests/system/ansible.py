"""The playbook among the examples, run by Ansible itself over SSH, as its reader would.

Nothing leads from the machines of the tests to a mirror: what the play fetches there is laid into them before, as an archive for
apt and wheels for pip. The play and its variables are the example's own.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.p2v.disks import run

from .bootstrap_guest import REPOSITORY, SUITES
from .remote import OPTIONS, Remote

PLAYBOOK = REPOSITORY / "xeninstall/examples/ansible/bootstrap.yml"
_SOURCES = "usr/local/src/xeninstall"  # where the play looks for them
# What the play installs, and what Ansible's module for that installs for itself.
_PACKAGES = "python3-venv python3-packaging python3-apt"
_ARCHIVE = f"""export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get clean && apt-get -y --no-install-recommends --download-only install {_PACKAGES} &&
mkdir -p "$1/srv/ansible" && mv "$1"/var/cache/apt/archives/*.deb "$1/srv/ansible/" &&
cd "$1/srv/ansible" && dpkg-scanpackages --multiversion . > Packages"""
_PYTHONS = {12: "3.11", 13: "3.13"}
_RECAP = re.compile(r"^server +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Played:
    """How a play ended. `tasks` are those that began, in their order."""

    output: str
    status: int

    @property
    def tasks(self) -> list[str]:
        return re.findall(r"^(?:TASK|RUNNING HANDLER) \[(.+?)\] \*", self.output, re.MULTILINE)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Tasks that were ok, that changed something, for which the server was not reached, and that failed."""
        found = _RECAP.search(self.output)
        assert found, self.output
        ok, changed, unreachable, failed = (int(number) for number in found.groups())
        return ok, changed, unreachable, failed


@dataclass
class Play:
    """The playbook on one server. Started, it runs beside the test, which may have to start the server again for it."""

    home: Path
    remote: Remote
    answers: Path

    def start(self) -> "subprocess.Popen[bytes]":
        """Begin; `ended` waits for the end."""
        inventory = self.home / "hosts.ini"
        common = " ".join(OPTIONS)
        inventory.write_text(
            f"[xen_hosts]\nserver answers={self.answers}\n\n[xen_hosts:vars]\nansible_user=root\n"
            f"ansible_host={self.remote.address}\nansible_port={self.remote.port}\n"
            f"ansible_ssh_private_key_file={self.remote.key}\nansible_ssh_common_args={common}\n"
        )
        argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(PLAYBOOK)]
        ours = {"HOME": str(self.home), "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_TIMEOUT": "60"}
        with self._log.open("wb") as log:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | ours)

    def ended(self, started: "subprocess.Popen[bytes]", timeout: float) -> Played:
        """Wait for what was started."""
        try:
            status = started.wait(timeout)
        except subprocess.TimeoutExpired:
            started.kill()
            raise AssertionError(f"the play does not come to an end:\n{self._log.read_text()}") from None
        return Played(self._log.read_text(), status)

    @property
    def _log(self) -> Path:
        return self.home / "log"

    def run(self, timeout: float) -> Played:
        """From its beginning to its end."""
        return self.ended(self.start(), timeout)


@contextmanager
def prepared(remote: Remote, debian: int, answers: str) -> Iterator[Play]:
    """A play on this Debian, which has all that it will ask for."""
    # A short path: SSH's sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="xi-play-") as place:
        home, overlay = Path(place), Path(place, "server")
        _lay(overlay, debian)
        remote.lay(overlay)
        shutil.rmtree(overlay)
        (home / "server.toml").write_text(answers)
        yield Play(home, remote, home / "server.toml")


def _lay(overlay: Path, debian: int) -> None:
    """What goes onto the server, as it will lie there."""
    sources = overlay / _SOURCES
    sources.mkdir(parents=True)
    for name in ("xeninstall", "p2v"):
        shutil.copytree(REPOSITORY / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(REPOSITORY / name, sources / name)
    lists, pip = overlay / "etc/apt/sources.list.d/ansible.list", overlay / "etc/pip.conf"
    lists.parent.mkdir(parents=True)
    lists.write_text("deb [trusted=yes] file:/srv/ansible ./\n")
    pip.write_text("[global]\nno-index = true\nfind-links = /srv/ansible/wheels\n")
    shutil.copytree(_supplies(debian), overlay / "srv/ansible")


def _supplies(debian: int) -> Path:
    """Packages and wheels; fetched once and kept in build/."""
    wanted = f"{_ARCHIVE} {(REPOSITORY / 'pyproject.toml').read_text()}"
    cache = REPOSITORY / "build" / f"ansible-debian{debian}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    if cache.exists():
        return cache
    growing = cache.with_suffix(".partial")
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir(parents=True)
    copy = f"copy-out /srv/ansible {growing}"
    run("mmdebstrap", "--variant=apt", f"--customize-hook={_ARCHIVE}", f"--customize-hook={copy}", SUITES[debian], "/dev/null")
    platforms = (f"manylinux{name}_x86_64" for name in ("2014", "_2_28"))
    fit = [word for platform in platforms for word in ("--platform", platform)]
    fit += ["--python-version", _PYTHONS[debian], "--only-binary=:all:"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wheels = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    run(sys.executable, "-m", "pip", "download", "-q", "-d", growing / "ansible/wheels", *fit, *wheels)
    (growing / "ansible").rename(cache)
    growing.rmdir()
    return cache
