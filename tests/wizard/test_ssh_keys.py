"""SSH keys from files and pages: each checked, fingerprints as ssh-keygen prints them, https only."""

import io
import shutil
import subprocess
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest

from xeninstall.base.errors import UsageError
from xeninstall.wizard import ssh_keys

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBUYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2 ada@example.org"


class Page(urllib.request.OpenerDirector):
    """A web that has one page, or fails in one way."""

    def __init__(self, page: bytes | Exception) -> None:
        super().__init__()
        self.page = page

    def open(self, *_arguments: object, **_options: object) -> io.BytesIO:
        if isinstance(self.page, Exception):
            raise self.page
        return io.BytesIO(self.page)


def test_a_page_of_keys_is_taken_whole() -> None:
    page = f"# ada's\n{KEY}\r\n\n{KEY.replace('ada', 'bob')}\n".encode()
    assert ssh_keys.fetched("https://example.org/keys", Page(page)) == [KEY, KEY.replace("ada", "bob")]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"", "no key is there"),
        (b"<html>sign in</html>", "https://example.org/keys: not an OpenSSH public key"),
        (bytes(range(256)), "not an OpenSSH public key"),
        (urllib.error.URLError("Name or service not known"), "cannot be fetched: Name or service not known"),
        (urllib.error.HTTPError("https://example.org", 404, "Not Found", Message(), None), "the server says 404 Not Found"),
        (TimeoutError("timed out"), "cannot be fetched: timed out"),
    ],
)
def test_a_page_without_keys_is_refused_with_the_reason(page: bytes | Exception, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ssh_keys.fetched("https://example.org/keys", Page(page))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        ssh_keys.fetched(str(tmp_path))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="the referee is missing")
def test_the_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(KEY + "\n")
    done = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True)
    assert ssh_keys.shown(KEY).split()[-1] == done.stdout.split()[1]
    assert len(ssh_keys.shown(KEY)) <= 72
