"""OpenSSH's client: whom it believes, how it logs in, and what its failures mean.

The host's key is the one that was pinned, or one that this user's known_hosts has, or, where only keys are used to log in and no
secret can leak, one that nobody has seen yet: that is taken for this run, and its fingerprint is said. A password is handed to
ssh by its askpass program, which reads it from a FIFO in a directory of ours; it is in no argument, variable or file.
"""

import base64
import binascii
import hashlib
import os
import re
import shlex
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Channel, Runner, talk

from .address import Address
from .model import Lost, TargetError
from .password import Password

_PIN = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_ASKPASS = '#!/bin/sh\nexec cat "$P2V_ASKPASS"\n'
_ALIVE = ("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", "-o", "ConnectTimeout=20")
# Nothing of the user's configuration may open doors from the other end to this one.
_CLOSED = (
    *("-o", "ClearAllForwardings=yes", "-o", "ForwardAgent=no", "-o", "ForwardX11=no", "-o", "PermitLocalCommand=no"),
    *("-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "Compression=no", "-o", "EscapeChar=none"),
    # The processor does AES by itself; where it does not, or the other end will not, the next of the list is taken.
    *("-o", "Ciphers=^aes128-gcm@openssh.com"),
)


@dataclass(frozen=True)
class Login:
    """How to log in: `host_key` is a pinned fingerprint, `identity` a file with a private key. Empty: the usual ones."""

    host_key: str = ""
    identity: str = ""
    password: Password | None = None

    def check(self) -> None:
        """Raises UsageError."""
        if self.host_key and not _PIN.fullmatch(self.host_key):
            raise UsageError(
                f"--host-key {self.host_key[:80]!r} is not a fingerprint",
                hint="write SHA256:…, as the host prints by: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            )
        if self.identity and not Path(self.identity).is_file():
            raise UsageError(f"--identity {self.identity} does not exist", hint="name the file with the private key")


class OpenSsh:
    """One host. `trust` first; then any number of connections, from any thread."""

    def __init__(self, address: Address, login: Login, runner: Runner) -> None:
        login.check()
        self._address, self._login, self._runner = address, login, runner
        self._folder = tempfile.TemporaryDirectory(prefix="p2v-ssh-")
        self._known: Path | None = None
        self.fingerprint = ""  # of the host's key, once it is trusted
        self.is_new = False  # whether nobody had seen that key before
        self._askpass: _Askpass | None = None

    def trust(self) -> None:
        """Find the key that the host must show. Raises Lost when it does not answer, TargetError when it shows another."""
        if self._known is not None:
            return
        named = self._address.host if self._address.port is None else f"[{self._address.host}]:{self._address.port}"
        known = self._runner.run(["ssh-keygen", "-F", named], check=False).stdout
        if not self._login.host_key and known.strip():
            self.fingerprint = ", ".join(dict.fromkeys(_fingerprint(line) for line in _key_lines(known)))
            return
        port = ["-p", str(self._address.port)] if self._address.port else []
        scanned = self._runner.run(["ssh-keyscan", "-T", "15", *port, "--", self._address.host], check=False)
        lines = _key_lines(scanned.stdout)
        if not lines:
            raise self._explain(scanned.stderr, 255)
        found = {_fingerprint(line): line for line in lines}
        if self._login.host_key:
            if self._login.host_key not in found:
                raise TargetError(
                    f"{self._address.host} shows another key than the one that was pinned: {', '.join(found)}",
                    hint="if that is the right host, correct --host-key; else somebody is in between",
                )
            found = {self._login.host_key: found[self._login.host_key]}
        elif self._login.password is not None:
            one = " or ".join(f"--host-key {fingerprint}" for fingerprint in found)
            raise TargetError(
                f"the key of {self._address.host} is not known here, and a password must not go to a stranger",
                hint=f"compare it with the host's own, and give the right one: {one}",
            )
        self.is_new = not self._login.host_key
        self.fingerprint = ", ".join(found)
        self._known = Path(self._folder.name) / "known_hosts"
        # Scanned under the name of the host, which the client then looks for.
        self._known.write_text("".join(f"{named} {line.split(' ', 1)[1]}\n" for line in found.values()))

    @property
    def asks(self) -> bool:
        """Whether each connection asks for a password."""
        return self._login.password is not None

    def open(self, command: Sequence[str], *, terminal: bool = False) -> Channel:
        """A program over there that we talk to; with a `terminal` it is told when the line is cut, and complains there, too."""
        return talk(self._argv(command, terminal=terminal), self._environment())

    def run(
        self, command: Sequence[str], *, stdin: bytes = b"", allowed: Sequence[int] = (0,), program: str = ""
    ) -> tuple[int, str, str]:
        """One over there to its end: status, output, complaints. `stdin` is short. Raises Lost, TargetError."""
        channel = self.open(command)
        try:
            with suppress(BrokenPipeError):  # Its status says why it wanted nothing.
                os.write(channel.writes, stdin)
            channel.end_input()
            said = _all_of(channel.reads)
        finally:
            status = channel.close(30)
        if status not in allowed:
            raise self.failed(channel.said, status, program or command[0])
        return status, said, channel.said

    def failed(self, said: str, status: int, program: str) -> Error:
        """What to tell of a connection, or of a program over there, that ended like this."""
        if status == 255:
            return self._explain(said, status)
        host = self._address.host
        if status == 127:
            return TargetError(f"{host} has no program {program}: {_last(said)}", hint=f"install what provides {program} there")
        return TargetError(f"{program} on {host} failed with status {status}: {_last(said)}", hint="see what the host's log says")

    def close(self) -> None:
        """Forget the password and the key."""
        if self._askpass is not None:
            self._askpass.close()
        self._folder.cleanup()

    def _argv(self, command: Sequence[str], *, terminal: bool) -> list[str]:
        login, address = self._login, self._address
        argv = ["ssh", "-tt" if terminal else "-T", *_CLOSED, *_ALIVE, "-o", "StrictHostKeyChecking=yes"]
        if self._known is not None:
            argv += ["-o", f"UserKnownHostsFile={self._known}", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "UpdateHostKeys=no"]
        if login.password is None:
            argv += ["-o", "BatchMode=yes"]
        else:
            argv += ["-o", "NumberOfPasswordPrompts=1"]
        if login.identity:
            argv += ["-o", "IdentitiesOnly=yes", "-i", login.identity]
        port = ["-p", str(address.port)] if address.port else []
        return [*argv, *port, "-l", address.user or "root", "--", address.host, shlex.join(command)]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("SSH_AUTH_SOCK", "HOME") if name in os.environ}
        if self._login.password is None:
            return kept
        if self._askpass is None:
            self._askpass = _Askpass(Path(self._folder.name), self._login.password)
        return {**kept, **self._askpass.environment}

    def _explain(self, said: str, status: int) -> Error:
        host, last = self._address.host, _last(said)
        match last.lower():
            case text if "permission denied" in text or "too many authentication" in text:
                how = "the password" if self._login.password is not None else "no key of this user"
                hint = "put a public key into the host's authorized_keys and give --identity, or give --password ask"
                return TargetError(f"{host} does not let {self._address.user or 'root'} in: it takes {how} not", hint=hint)
            case _ if "host key verification failed" in said.lower() or "identification has changed" in said.lower():
                hint = "if it was installed anew, remove the old key by ssh-keygen -R; else somebody is in between"
                return TargetError(f"{host} shows another key than the one that is known", hint=hint)
            case text if "could not resolve" in text or "name or service not known" in text:
                return TargetError(f"the name {host} is not resolved", hint="see that this machine has a name server")
        why = last or f"ssh ended with status {status}"
        return Lost(f"no connection to {host}: {why}", hint="see that it is up and its SSH port open, then go on with --resume")


class _Askpass:
    """The program that ssh asks for a password, and the FIFO behind it, which a thread of ours feeds."""

    def __init__(self, folder: Path, password: Password) -> None:
        self._password, self._fifo = password, folder / "answer"
        program = folder / "askpass"
        program.write_text(_ASKPASS)
        program.chmod(0o700)
        os.mkfifo(self._fifo, 0o600)
        self.environment = {
            "SSH_ASKPASS": str(program),
            "SSH_ASKPASS_REQUIRE": "force",
            "DISPLAY": ":0",  # what clients older than that variable want to see
            "P2V_ASKPASS": str(self._fifo),
        }
        self._ended = False
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def _feed(self) -> None:
        while not self._ended:
            with suppress(OSError), self._fifo.open("wb", buffering=0) as file:
                if not self._ended:
                    file.write(self._password.text.encode("utf-8", "surrogateescape") + b"\n")
            # The reader of this answer must see its end before the next one can be opened.
            threading.Event().wait(0.05)

    def close(self) -> None:
        self._ended = True
        with suppress(OSError):
            os.close(os.open(self._fifo, os.O_RDONLY | os.O_NONBLOCK))
        self._thread.join(1)


def _key_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#") and len(line.split()) >= 3]


def _fingerprint(line: str) -> str:
    """Of a line of known_hosts, as ssh-keygen -l prints it."""
    try:
        key = base64.b64decode(line.split()[2], validate=True)
    except (binascii.Error, ValueError):
        return "?"
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _all_of(fd: int, most: int = 1 << 20) -> str:
    said = b""
    while block := os.read(fd, 65536):
        said = (said + block)[:most]
    return said.decode("utf-8", "replace")


def _last(said: str) -> str:
    """Its last line, fit for a terminal."""
    lines = [line for line in said.splitlines() if line.strip()]
    return "".join(sign if sign.isprintable() else " " for sign in (lines[-1] if lines else ""))[-300:].strip()
