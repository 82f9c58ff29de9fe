"""Calls of XAPI (XCP-ng, XenServer): XML-RPC over HTTPS, sessions, the pool's master, failures in words.

The XenAPI's reference, and xen-api's `datamodel_errors.ml`. A call's record holds numbers as strings.
"""

import http.client
import secrets
import threading
import xmlrpc.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from xeninstall.base.errors import Error, RequirementError

from ..vm.xva import Value
from .model import Lost, TargetError
from .password import Password
from .tls import Trusted, connected, failed

_MOST_BYTES = 64 << 20
_AGENT = "p2v"


class Refused(TargetError):
    """XAPI's own failure: its code, and what it says beside it."""

    def __init__(self, host: str, call: str, description: Sequence[str]) -> None:
        self.code, self.details = description[0] if description else "UNKNOWN", tuple(description[1:])
        told = _WORDS.get(self.code)
        message, hint = told if told is not None else (f"{call} failed: {_shown(description)}", "see xensource.log on the host")
        super().__init__(f"{host}: {message}", hint=hint)


# The failures that users meet, in words; the others are told by their code.
_WORDS = {
    "SESSION_AUTHENTICATION_FAILED": (
        "it does not take this user and password",
        "correct --password, or the user in the address",
    ),
    "SR_FULL": ("the storage is full", "make room, or name another storage"),
    "SR_BACKEND_FAILURE_44": ("the storage has not enough room", "make room, or name another storage"),
    "SR_BACKEND_FAILURE_79": (
        "the storage takes no disk of that size",
        "name a storage of another kind (qcow2 for more than 2 TiB)",
    ),
    "HOST_STILL_BOOTING": ("it is still starting", "wait until it has started"),
    "HOST_NO_HVM": ("no host can run the machine: hardware virtualization is off", "switch it on in the hosts' firmware"),
    "HOST_NOT_ENOUGH_FREE_MEMORY": ("no host has enough memory left to start the machine", "stop another, then start it by hand"),
    "RBAC_PERMISSION_DENIED": ("this user may not do that", "log in as a pool administrator"),
}


class Calls:
    """One login. Calls from several threads wait for each other."""

    def __init__(self, host: str, port: int, user: str, password: Password, trusted: Trusted) -> None:
        self.host, self.port, self.trusted = host, port, trusted
        self._user, self._password = user, password
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self.session = ""
        self.fingerprint = ""
        self.mark = secrets.token_hex(8)  # of this run, by which what it made is found again

    def login(self) -> None:
        """Log in, at the pool's master where this host is not it. Raises TargetError, Lost."""
        for _ in range(3):
            self.hang_up()
            try:
                secret = self._password.text
                self.session = str(self._once("session.login_with_password", (self._user, secret, "1.0", _AGENT)))
                return
            except Refused as error:
                if error.code != "HOST_IS_SLAVE" or not error.details:
                    raise
                self._go_to(error.details[0])
        raise TargetError(f"{self.host} and others of its pool name each other as master", hint="see: xe pool-list params=master")

    def _go_to(self, master: str) -> None:
        member, self.host = self.host, master
        if any(sign.isspace() or sign in "/@?#" for sign in master) or len(master) > 255:
            raise TargetError(f"{member} names no master of its pool", hint="name the pool's master in --to")
        try:
            self._connect()
        except TargetError as error:
            hint = f"name the master: --to xapi://{master}, with its --fingerprint"
            raise TargetError(f"{member} belongs to a pool whose master is {master}: {error.message}", hint=hint) from None

    def call(self, name: str, *arguments: Value) -> Any:  # noqa: ANN401
        """One call in the session. Raises Refused, or Lost when there is no session any more."""
        try:
            return self._once(name, (self.session, *arguments))
        except Refused as error:
            if error.code == "SESSION_INVALID":
                raise Lost(f"{self.host} has ended the session", hint="go on with --resume") from None
            raise

    def logout(self) -> None:
        """End the session."""
        if self.session:
            with suppress(Error):  # It ends by itself.
                self._once("session.logout", (self.session,))
            self.session = ""
        self.hang_up()

    def hang_up(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection, self.fingerprint = connected(self.host, self.port, self.trusted)
        return self._connection

    def _once(self, name: str, arguments: tuple[Value, ...]) -> Any:  # noqa: ANN401
        marshalled: Any = arguments
        body = xmlrpc.client.dumps(marshalled, name, allow_none=False).encode()
        with self._lock:
            connection = self._connect()
            try:
                headers = {"Content-Type": "text/xml", "User-Agent": _AGENT, f"x-http-other-config-{_AGENT}": self.mark}
                connection.request("POST", "/", body, headers)
                response = connection.getresponse()
                said = response.read(_MOST_BYTES + 1)
            except (OSError, http.client.HTTPException) as error:
                self.hang_up()
                raise failed(error, self.host) from None
        if response.status != 200 or len(said) > _MOST_BYTES:
            raise TargetError(
                f"{self.host} answers {name} with status {response.status}", hint="see that it is an XCP-ng or XenServer"
            )
        return self._value(name, said)

    def _value(self, name: str, said: bytes) -> Any:  # noqa: ANN401
        try:
            loaded: Any = xmlrpc.client.loads(said.decode())
            told = loaded[0][0]
            if told["Status"] == "Success":
                return told["Value"]
            description = [str(one)[:500] for one in told["ErrorDescription"]]
        except xmlrpc.client.Fault as error:
            raise TargetError(
                f"{self.host} does not know {name}: {str(error.faultString)[:200]}", hint="is it older than 7?"
            ) from None
        except Exception:  # expat's, and whatever else nonsense makes of it
            raise TargetError(f"{self.host} answers {name} with nonsense", hint="see that it is an XCP-ng or XenServer") from None
        if description[:1] == ["SR_FULL"] or description[:1] == ["SR_BACKEND_FAILURE_44"]:
            raise RequirementError(f"{self.host}: {_WORDS[description[0]][0]}", hint=_WORDS[description[0]][1])
        raise Refused(self.host, name, description)


@contextmanager
def sense(host: str) -> Iterator[None]:
    """Records that lack what every XAPI has are no reason for a traceback."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        what = f"{type(error).__name__}: {error}"[:100]
        raise TargetError(f"{host} answers with nonsense ({what})", hint="see that it is an XCP-ng or XenServer") from None


def _shown(description: Sequence[str]) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in ", ".join(description))[:400]
