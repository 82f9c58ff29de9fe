"""What the tests of targets share: a pool of XCP-ng hosts, hosts over SSH, and one of them with a stand-in for Xen."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import MIB, sparse

from .certificate import Certificate
from .sshd import Sshd, receiver
from .xapi_double import Pool
from .xapi_sent import MACHINE, served
from .xl_double import Xl


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The pool's."""
    return Certificate(tmp_path_factory.mktemp("pool"), "xcp1")


@pytest.fixture
def pool(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """See `served`."""
    yield from served(certificate, monkeypatch)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One that takes machines over SSH."""
    folder = tmp_path_factory.mktemp("host")
    started = Sshd(folder / "ssh", receiver(folder))
    yield started
    started.stop()


@pytest.fixture
def there(host: Sshd) -> Path:
    """The receiving host's folder, with nothing in it."""
    folder = host.folder.parent
    for kind in ("images", "configs", "state"):
        for path in sorted((folder / kind).rglob("*"), reverse=True) if (folder / kind).exists() else []:
            path.unlink() if path.is_file() else path.rmdir()
    return folder


@pytest.fixture
def xl(tmp_path: Path) -> Xl:
    """Xen's, on the host `xen`."""
    return Xl.made(tmp_path / "programs")


@pytest.fixture
def xen(tmp_path: Path, xl: Xl) -> Iterator[Sshd]:
    """A host of this test alone, which starts machines by the stand-in."""
    started = Sshd(tmp_path / "ssh", xl.command(receiver(tmp_path)))
    yield started
    started.stop()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A disk that is sent in a moment."""
    return sparse(tmp_path / "old.img", 8 * MIB, (0, 3, 7), seed=3)


@pytest.fixture
def send_to_xen(xen: Sshd, small: Path) -> Callable[..., int]:
    """Convert the small disk to the machine `vm` there, with more options."""
    common = ["convert", str(small), "--to", xen.to, *xen.options, "--name", "vm", "--machine", str(MACHINE)]
    return lambda *more: main([*common, *more])
