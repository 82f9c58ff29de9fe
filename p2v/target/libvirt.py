"""KVM by libvirt, over SSH: volumes filled by `virsh vol-upload`, a domain by `virsh define`; nothing but virsh is needed there.

Neither libvirt's client nor its keys are needed here, since virsh runs on the target. An upload is one stream that libvirt never
acknowledges in parts: after a lost connection it begins anew.
"""

import hashlib
import re
import shlex
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import Channel, Runner

from ..journal import Journal
from ..sink.forward import ForwardSink
from ..vm.libvirt import libvirt_xml
from ..vm.model import DiskImage, Mode, VirtualMachine
from .address import Address
from .model import Peer, Storage, TargetError, Wanted, storage_of
from .names import plain
from .openssh import Login, OpenSsh
from .remembering import Bytes, only_fresh
from .wire import Ended, write_all

CONNECT = "qemu:///system"
_SILENCE_SECONDS = 120.0
_URI = re.compile(r"qemu(?:\+unix)?:///(?:system|session)")
_FILES = ("dir", "fs", "netfs", "gluster")
_SUFFIXES = {"qcow2": "qcow2", "raw": "img"}


@dataclass(frozen=True)
class Volume:
    """One disk over there."""

    pool: str
    name: str
    format: str


class LibvirtTarget:
    """See Target."""

    formats: Sequence[str] = ("qcow2", "raw")
    tries = False

    def __init__(self, address: Address, login: Login, image_format: str, runner: Runner) -> None:
        self._address, self._format = address, image_format
        self._uri = address.option("connect") or CONNECT
        if not _URI.fullmatch(self._uri):
            raise UsageError(f"connect={self._uri[:80]!r} is no connection of libvirt's QEMU", hint=f"write ?connect={CONNECT}")
        self._ssh = OpenSsh(address, login, runner)
        self.software = False

    @property
    def name(self) -> str:
        """See Target."""
        return self._address.shown

    @property
    def remarks(self) -> Sequence[str]:
        """See Target."""
        found = []
        if self._ssh.is_new:
            found.append(f"the key of {self._address.host} was not known and is taken as it is: {self._ssh.fingerprint}")
        if self.software:
            found.append(f"{self._address.host} has no KVM: the machine will run in software emulation, slowly")
        return found

    def login(self) -> Peer:
        """See Target."""
        self._ssh.trust()
        version = self.virsh("version").strip().splitlines()
        running = next((line.partition(":")[2].strip() for line in version if line.startswith("Running hypervisor")), "")
        self.software = self._ssh.run(self.words("domcapabilities", "--virttype", "kvm"), allowed=(0, 1))[0] != 0
        return Peer(self._address.host, f"libvirt with {running or 'QEMU'}", self._ssh.fingerprint, (Mode.HVM,))

    def storages(self) -> Sequence[Storage]:
        """See Target."""
        found = []
        for pool in filter(None, map(str.strip, self.virsh("pool-list", "--name").splitlines())):
            info = dict(line.split(":", 1) for line in self.virsh("pool-info", "--bytes", pool).splitlines() if ":" in line)
            kind = re.search(r"<pool type='([a-z-]{1,40})'", self.virsh("pool-dumpxml", pool))
            free, size = (_number(info.get(name, "")) for name in ("Available", "Capacity"))
            found.append(Storage(pool, kind[1] if kind else "unknown", free, size, pool == "default"))
        return found

    def deliver(self, wanted: Wanted) -> "LibvirtDelivery":
        """See Target."""
        only_fresh(wanted, "libvirt")
        chosen = storage_of(replace(wanted, storage=wanted.storage or self._address.place), self.storages(), self._address.host)
        if self._format != "raw" and chosen.kind not in _FILES:
            raise UsageError(f"the pool {chosen.name} holds volumes, and {self._format} is a file", hint="give --format raw")
        if self._ssh.run(self.words("dominfo", wanted.name), allowed=(0, 1))[0] == 0:
            raise UsageError(f"{self._address.host} has a machine {wanted.name!r} already", hint="choose another --name")
        for bridge in wanted.bridges:
            if self._ssh.run(("test", "-d", f"/sys/class/net/{bridge}/bridge"), allowed=(0, 1))[0] != 0:
                raise UsageError(
                    f"{self._address.host} has no bridge {bridge!r}", hint="map it by --bridge to one it has: bridge link"
                )
        own = plain(wanted.name)
        delivery = LibvirtDelivery(self, wanted.name)
        try:
            for number, disk in enumerate(wanted.disks):
                volume = Volume(chosen.name, f"{own}-disk{number}.{_SUFFIXES[self._format]}", self._format)
                if self._ssh.run(self.words("vol-info", "--pool", volume.pool, volume.name), allowed=(0, 1))[0] == 0:
                    raise UsageError(f"the pool {chosen.name} has a volume {volume.name} already", hint="choose another --name")
                size = disk.size_bytes if self._format == "qcow2" else disk.length_bytes
                sparse = ("--allocation", "0") if chosen.kind in _FILES else ()
                self.virsh("vol-create-as", volume.pool, volume.name, str(size), "--format", volume.format, *sparse)
                delivery.add(volume, self.virsh("vol-path", "--pool", volume.pool, volume.name).strip())
        except BaseException:
            with suppress(Error):
                delivery.abort()
            raise
        return delivery

    def close(self) -> None:
        """See Target."""
        self._ssh.close()

    def words(self, *words: str) -> tuple[str, ...]:
        """virsh's command line."""
        return ("virsh", "-q", "-c", self._uri, *words)

    def virsh(self, *words: str) -> str:
        """What it says. Raises TargetError with its own words, Lost."""
        status, out, said = self._ssh.run(self.words(*words), allowed=range(127))
        if status != 0:
            told = "".join(sign if sign.isprintable() else " " for sign in said.strip().removeprefix("error:"))[-300:].strip()
            raise TargetError(f"{self._address.host}: virsh {words[0]} failed: {told}", hint="see what libvirt's log there says")
        return out

    def shell(self, pipeline: str, stdin: bytes = b"") -> str:
        """The same by a shell over there, since a stream that SSH brings is no file that virsh could open."""
        return self._ssh.run(("sh", "-c", pipeline), stdin=stdin, program="virsh")[1]

    def stream(self, pipeline: str) -> Channel:
        """One whose input is ours."""
        return self._ssh.open(("sh", "-c", pipeline))

    def failed(self, said: str, status: int) -> Error:
        """What an end of it means."""
        return self._ssh.failed(said, status, "virsh")


class LibvirtDelivery(Bytes):
    """See Delivery."""

    checkpoint_seconds = 3600.0  # nothing is certain before an upload has ended

    def __init__(self, target: LibvirtTarget, name: str) -> None:
        self._paths: list[str] = []
        super().__init__(self._paths)
        self._target, self._name = target, name
        self._volumes: list[Volume] = []
        self._sinks: dict[int, LibvirtSink] = {}
        self._defined = False

    def add(self, volume: Volume, path: str) -> None:
        """A volume that was made."""
        self._volumes.append(volume)
        self._paths.append(path[:4096])

    def sink(self, number: int, at: int, length: int) -> "LibvirtSink":
        """See Delivery."""
        del at, length
        self._journals[number].rewind(0)
        volume = self._volumes[number]
        upload = shlex.join(self._target.words("vol-upload", "--pool", volume.pool, volume.name, "/dev/stdin"))
        channel = self._target.stream(f"cat | {upload}")
        self._sinks[number] = LibvirtSink(channel, self.places[number], self._target.failed)
        return self._sinks[number]

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery: by the sha256 of the whole, which is computed over there."""
        volume, length = self._volumes[number], journal.record.length_bytes or 0
        words = ("vol-download", "--pool", volume.pool, volume.name, "/dev/stdout", "--length", str(length))
        found = self._target.shell(f"{shlex.join(self._target.words(*words))} | sha256sum").split()
        if found[:1] != [self._sinks[number].sha256.hexdigest()]:
            raise TargetError(f"{self.places[number]} on {self._target.name} is not what was sent", hint="check that host's disk")
        tell(length, length)
        return "its sha256 is the same there"

    def define(self, vm: VirtualMachine, mode: Mode) -> str:
        """See Delivery."""
        del mode
        disks = tuple(DiskImage(path, volume.format) for path, volume in zip(self._paths, self._volumes, strict=True))
        xml = libvirt_xml(replace(vm, disks=disks), software=self._target.software)
        self._target.shell(f"cat | {shlex.join(self._target.words('define', '/dev/stdin'))}", xml.encode())
        self._defined = True
        return shlex.join(("virsh", *self._target.words("start", self._name)[2:]))

    def start(self) -> None:
        """See Delivery."""
        self._target.virsh("start", self._name)

    def abort(self) -> None:
        """See Delivery."""
        for sink in self._sinks.values():
            sink.close()
        if self._defined:
            self._target.virsh("undefine", self._name, "--nvram")
            self._defined = False
        while self._volumes:
            volume = self._volumes[-1]
            self._target.virsh("vol-delete", "--pool", volume.pool, volume.name)
            self._volumes.pop()


class LibvirtSink(ForwardSink):
    """See Sink: one stream, holes as zeros."""

    def __init__(self, channel: Channel, name: str, explain: Callable[[str, int], Error]) -> None:
        super().__init__(name)
        self._channel, self._explain = channel, explain
        self.sha256 = hashlib.sha256()
        self._ended = False
        self._closing = threading.Lock()

    def put(self, offset: int, data: memoryview) -> None:
        """See ForwardSink."""
        self.sha256.update(data)
        try:
            write_all(self._channel.writes, [data], _SILENCE_SECONDS)
        except Ended:
            status = self._channel.stop(5)
            raise self._explain(self._channel.said, status) from None

    def sync(self) -> None:
        """Nothing is certain before the upload has ended."""

    def finish(self, length: int) -> None:
        """The upload has ended, and well."""
        assert self._at == length, f"{self._at} bytes were written instead of {length}"
        self._channel.end_input()
        status = self._channel.stop(_SILENCE_SECONDS)
        if status != 0:
            raise self._explain(self._channel.said, status)

    def close(self) -> None:
        """See Sink."""
        with self._closing:
            if not self._ended:
                self._ended = True
                self._channel.stop()
                self._channel.close(0)


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None
