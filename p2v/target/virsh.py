"""virsh over SSH, on the host whose libvirt it speaks to: commands, and what their failures mean."""

import shlex

from xeninstall.base.errors import Error
from xeninstall.base.run import Channel

from .model import TargetError
from .openssh import OpenSsh


class Virsh:
    """One connection of libvirt's on one host; `ssh` is logged in by its owner."""

    def __init__(self, ssh: OpenSsh, host: str, uri: str) -> None:
        self._ssh, self.host, self._uri = ssh, host, uri

    def words(self, *words: str) -> tuple[str, ...]:
        """Its command line."""
        return ("virsh", "-q", "-c", self._uri, *words)

    def ask(self, *words: str) -> str:
        """What it says. Raises TargetError with its own words, Lost."""
        status, out, said = self._ssh.run(self.words(*words), allowed=range(127))
        if status != 0:
            told = _plain(said.strip().removeprefix("error:"))
            raise TargetError(f"{self.host}: virsh {words[0]} failed: {told}", hint="see what libvirt's log there says")
        return out

    def succeeds(self, *words: str) -> bool:
        """Whether it does, as `dominfo` does for what is there. Raises Lost, and TargetError where virsh is missing."""
        return self._ssh.run(self.words(*words), allowed=(0, 1))[0] == 0

    def runs(self, domain: str) -> bool:
        """Whether a machine of this name or UUID is active; one that is not there is not."""
        return self.succeeds("dominfo", domain) and self.ask("domid", domain).strip() not in ("", "-")

    def shell(self, pipeline: str, stdin: bytes = b"") -> str:
        """The same by a shell over there, since a stream that SSH brings is no file that virsh could open."""
        return self._ssh.run(("sh", "-c", pipeline), stdin=stdin, program="virsh")[1]

    def stream(self, pipeline: str, *, terminal: bool = False) -> Channel:
        """One whose input is ours."""
        return self._ssh.open(("sh", "-c", pipeline), terminal=terminal)

    def define(self, xml: str) -> None:
        """Make a machine known."""
        self.shell(f"cat | {shlex.join(self.words('define', '/dev/stdin'))}", xml.encode())

    def failed(self, said: str, status: int) -> Error:
        """What an end of a stream means."""
        return self._ssh.failed(said, status, "virsh")


def _plain(said: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in said)[-300:].strip()
