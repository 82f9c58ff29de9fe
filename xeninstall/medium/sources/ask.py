"""What every source of answers is given, and what it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.http import Reply, Trust, exchange
from xeninstall.base.run import Runner
from xeninstall.base.urls import is_url, shown_url
from xeninstall.medium.obstacle import obstacle
from xeninstall.medium.retry import persist
from xeninstall.medium.words import Words

_CA_MAXIMUM_BYTES = 2**20


@dataclass(frozen=True)
class Found:
    """An answer file: where it lies on this machine, and where it came from in words without secrets."""

    path: Path
    origin: str


@dataclass(frozen=True)
class Ask:
    """The command line's words, and the ways to follow them up."""

    words: Words
    runner: Runner
    tell: Callable[[str], None]
    profile: Callable[[], str]  # this machine as JSON
    place: Path  # a directory that only root reads; what is fetched is kept there
    medium: Path = Path("/run/live/medium")

    def keep(self, data: bytes, name: str = "answers.toml") -> Path:
        """Put a file into the place, readable for root alone: it may hold a password's hash."""
        self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.place.chmod(0o700)
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(data)
        return path

    def trust(self, *, patient: bool = True) -> Trust:
        """Whom to believe, as ca and fingerprint say. Raises Error, without patience at the first try."""
        ca = self.words.ca
        if not ca:
            return Trust(fingerprint=self.words.fingerprint)
        if is_url(ca):
            # The fingerprint is the answers' server's; this one is checked against the usual authorities.
            if ca.startswith("http:"):
                self.tell("warning: xeninstall.ca comes by http, so nobody has checked that it is the right one")
            seconds = self.words.wait_seconds if patient else 0
            pem = persist(lambda: exchange(ca, limit_bytes=_CA_MAXIMUM_BYTES), seconds, self.tell, obstacle(self.runner)).body
        else:
            try:
                pem = Path(ca).read_bytes()[:_CA_MAXIMUM_BYTES]
            except OSError as error:
                hint = "correct xeninstall.ca, or put the file onto the medium"
                raise UsageError(f"the authorities' file {ca} cannot be read: {error.strerror}", hint=hint) from None
        return Trust(ca=pem.decode("ascii", "replace"), fingerprint=self.words.fingerprint)

    def patiently(self, attempt: Callable[[], Reply]) -> Reply:
        """An exchange, tried until `xeninstall.wait` is over. Raises HttpError."""
        return persist(attempt, self.words.wait_seconds, self.tell, obstacle(self.runner))


def answers_in(reply: Reply, url: str) -> bytes:
    """A reply's body, if it can be an answer file at all. Raises UsageError or Error."""
    shown, start = shown_url(url), reply.body[:512].lstrip().lower()
    if reply.content_type in ("text/html", "application/xhtml+xml") or start.startswith((b"<!doctype html", b"<html")):
        hint = "correct the URL; a login page or an index often stands in for the file"
        raise UsageError(f"{shown} gives a web page, not an answer file", hint=hint)
    if reply.status == 204 or not reply.body.strip():
        raise UsageError(f"{shown} gives an empty answer file", hint="begin with one of the examples: xeninstall example")
    return reply.body
