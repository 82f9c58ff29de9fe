"""What the tests of targets share: a pool of XCP-ng hosts, and a host over SSH whose folder is empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificate import Certificate
from .sshd import Sshd, receiver
from .xapi_double import Pool
from .xapi_sent import served


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
