"""A pack from a web server, by curl: within limits of size and time; the URL may hold a token and is in no argument list."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from xeninstall.base.events import Emit
from xeninstall.base.run import Runner

from .errors import PackError
from .tree import Limits
from .watched import watched

_URL = re.compile(r"https?://[!-~]{1,2000}", re.IGNORECASE)
_CONNECT_SECONDS, _STALLED_SECONDS, _WHOLE_SECONDS = 20, 30, 3600
# curl's own numbers (curl(1), EXIT CODES) → what happened, and what to do.
_ENDINGS = {
    5: ("the proxy's name cannot be resolved", "look at the proxy's settings"),
    6: ("its host name cannot be resolved", "look at the network and its DNS server"),
    7: ("nobody answers there", "look at the network, and whether the server runs"),
    18: ("it was cut off half-way", "try it again"),
    28: ("it took too long, or stood still", "try it again, or bring the pack on a stick"),
    35: ("no encrypted connection came about", "look at the server's certificate, and at this machine's clock"),
    47: ("it leads from address to address without an end", "name the address of the pack itself"),
    52: ("the server sent nothing", "try it again"),
    55: ("the connection broke", "try it again"),
    56: ("the connection broke half-way", "try it again"),
    60: ("the server's certificate is not trusted", "look at the certificate, and at this machine's clock"),
    63: ("it is larger than a pack may be", "look at what this is"),
}


def is_url(source: str) -> bool:
    """Whether a source is to be downloaded."""
    return _URL.fullmatch(source) is not None


def plain_url(url: str) -> str:
    """A URL as it may be shown: without user, password, query and fragment."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def fetch(url: str, into: Path, scratch: Path, limits: Limits, runner: Runner, emit: Emit) -> None:
    """Download into a file. Raises PackError with what stood against it."""
    config = scratch / "curl.config"
    descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    quoted = url.replace("\\", "\\\\").replace('"', '\\"')
    with os.fdopen(descriptor, "w") as file:
        file.write(f'url = "{quoted}"\noutput = "{into}"\n')
    # fmt: off
    argv = [
        "curl", "--config", str(config), "--silent", "--show-error", "--fail", "--location", "--max-redirs", "5",
        "--proto", "=http,https", "--connect-timeout", str(_CONNECT_SECONDS), "--max-time", str(_WHOLE_SECONDS),
        "--speed-limit", "1024", "--speed-time", str(_STALLED_SECONDS), "--max-filesize", str(limits.bytes),
        "--write-out", "%{http_code}",
    ]
    # fmt: on
    try:
        done = watched(runner, argv, into, limits, emit)
    finally:
        config.unlink()
    if done.status == 0 and into.is_file():
        return
    if "No space left" in done.stderr or done.status == 23:
        raise OSError(28, "No space left on device", str(into))
    code = done.stdout.strip()[-3:]
    if done.status == 22:
        what, remedy = f"the server answers {code}", "look at the address, and at the server"
    else:
        what, remedy = _ENDINGS.get(done.status, (f"curl failed with status {done.status}", "try it again"))
    raise PackError(f"{plain_url(url)} cannot be downloaded: {what}", hint=remedy)
