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
from ..vm.console import Look
from ..vm.libvirt import libvirt_xml
from ..vm.model import DiskImage, Mode, VirtualMachine
from .address import Address
from .libvirt_trial import Copies, LibvirtTrial
from .model import Peer, Storage, TargetError, Wanted, storage_of
from .names import plain
from .openssh import Login, OpenSsh
from .remembering import Bytes, only_fresh
from .virsh import Virsh
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
    tries = True

    def __init__(self, address: Address, login: Login, image_format: str, runner: Runner) -> None:
        self._address, self._format = address, image_format
        uri = address.option("connect") or CONNECT
        if not _URI.fullmatch(uri):
            raise UsageError(f"connect={uri[:80]!r} is no connection of libvirt's QEMU", hint=f"write ?connect={CONNECT}")
        self._ssh = OpenSsh(address, login, runner)
        self.virsh = Virsh(self._ssh, address.host, uri)
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
        version = self.virsh.ask("version").strip().splitlines()
        running = next((line.partition(":")[2].strip() for line in version if line.startswith("Running hypervisor")), "")
        self.software = not self.virsh.succeeds("domcapabilities", "--virttype", "kvm")
        return Peer(self._address.host, f"libvirt with {running or 'QEMU'}", self._ssh.fingerprint, (Mode.HVM,))

    def storages(self) -> Sequence[Storage]:
        """See Target."""
        found = []
        for pool in filter(None, map(str.strip, self.virsh.ask("pool-list", "--name").splitlines())):
            info = dict(line.split(":", 1) for line in self.virsh.ask("pool-info", "--bytes", pool).splitlines() if ":" in line)
            kind = re.search(r"<pool type='([a-z-]{1,40})'", self.virsh.ask("pool-dumpxml", pool))
            free, size = (_number(info.get(name, "")) for name in ("Available", "Capacity"))
            found.append(Storage(pool, kind[1] if kind else "unknown", free, size, pool == "default"))
        return found

    def deliver(self, wanted: Wanted) -> "LibvirtDelivery":
        """See Target."""
        only_fresh(wanted, "libvirt")
        storages = self.storages()
        chosen = storage_of(replace(wanted, storage=wanted.storage or self._address.place), storages, self._address.host)
        if self._format != "raw" and chosen.kind not in _FILES:
            raise UsageError(f"the pool {chosen.name} holds volumes, and {self._format} is a file", hint="give --format raw")
        if self.virsh.succeeds("dominfo", wanted.name):
            raise UsageError(f"{self._address.host} has a machine {wanted.name!r} already", hint="choose another --name")
        for bridge in wanted.bridges:
            if self._ssh.run(("test", "-d", f"/sys/class/net/{bridge}/bridge"), allowed=(0, 1))[0] != 0:
                raise UsageError(
                    f"{self._address.host} has no bridge {bridge!r}", hint="map it by --bridge to one it has: bridge link"
                )
        own = plain(wanted.name)
        sizes = tuple(disk.size_bytes if self._format == "qcow2" else disk.length_bytes for disk in wanted.disks)
        copies = Copies(_pool_of_files(chosen, storages, self._address.host) if wanted.trial else "", sizes)
        delivery = LibvirtDelivery(self, wanted.name, copies)
        try:
            for number, size in enumerate(sizes):
                volume = Volume(chosen.name, f"{own}-disk{number}.{_SUFFIXES[self._format]}", self._format)
                if self.virsh.succeeds("vol-info", "--pool", volume.pool, volume.name):
                    raise UsageError(f"the pool {chosen.name} has a volume {volume.name} already", hint="choose another --name")
                sparse = ("--allocation", "0") if chosen.kind in _FILES else ()
                self.virsh.ask("vol-create-as", volume.pool, volume.name, str(size), "--format", volume.format, *sparse)
                delivery.add(volume, self.virsh.ask("vol-path", "--pool", volume.pool, volume.name).strip())
        except BaseException:
            with suppress(Error):
                delivery.abort()
            raise
        return delivery

    def close(self) -> None:
        """See Target."""
        self._ssh.close()


class LibvirtDelivery(Bytes):
    """See Delivery."""

    checkpoint_seconds = 3600.0  # nothing is certain before an upload has ended

    def __init__(self, target: LibvirtTarget, name: str, copies: Copies) -> None:
        self._paths: list[str] = []
        super().__init__(self._paths)
        self._target, self._virsh, self._name, self._copies = target, target.virsh, name, copies
        self._volumes: list[Volume] = []
        self._sinks: dict[int, LibvirtSink] = {}
        self._vm: VirtualMachine | None = None  # from the moment on in which it may be defined
        self._trial: LibvirtTrial | None = None

    def add(self, volume: Volume, path: str) -> None:
        """A volume that was made."""
        self._volumes.append(volume)
        self._paths.append(path[:4096])

    def sink(self, number: int, at: int, length: int) -> "LibvirtSink":
        """See Delivery."""
        del at, length
        self._journals[number].rewind(0)
        volume = self._volumes[number]
        upload = shlex.join(self._virsh.words("vol-upload", "--pool", volume.pool, volume.name, "/dev/stdin"))
        channel = self._virsh.stream(f"cat | {upload}")
        self._sinks[number] = LibvirtSink(channel, self.places[number], self._virsh.failed)
        return self._sinks[number]

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery: by the sha256 of the whole, which is computed over there."""
        volume, length = self._volumes[number], journal.record.length_bytes or 0
        words = ("vol-download", "--pool", volume.pool, volume.name, "/dev/stdout", "--length", str(length))
        found = self._virsh.shell(f"{shlex.join(self._virsh.words(*words))} | sha256sum").split()
        if found[:1] != [self._sinks[number].sha256.hexdigest()]:
            raise TargetError(f"{self.places[number]} on {self._target.name} is not what was sent", hint="check that host's disk")
        tell(length, length)
        return "its sha256 is the same there"

    def define(self, vm: VirtualMachine, mode: Mode) -> str:
        """See Delivery."""
        del mode
        disks = tuple(DiskImage(path, volume.format) for path, volume in zip(self._paths, self._volumes, strict=True))
        self._vm = replace(vm, disks=disks)
        self._virsh.define(libvirt_xml(self._vm, software=self._target.software))
        return shlex.join(("virsh", *self._virsh.words("start", self._name)[2:]))

    def begin_trial(self, marker: str) -> None:
        """See Tried."""
        assert self._vm is not None
        self._trial = LibvirtTrial(self._vm, self._copies, marker, self._virsh, software=self._target.software)

    def look(self) -> Look:
        """See Tried."""
        assert self._trial is not None
        return self._trial.look()

    def end_trial(self) -> None:
        """See Tried."""
        assert self._trial is not None
        self._trial.end()

    def start(self) -> None:
        """See Delivery."""
        self._virsh.ask("start", self._name)

    def abort(self) -> None:
        """See Delivery."""
        for sink in self._sinks.values():
            sink.close()
        if self._vm is not None:
            # Whether it was defined is not known when the connection broke; by its UUID nobody else's machine is meant.
            domain = self._vm.uuid or self._name
            if self._virsh.runs(domain):
                raise TargetError(f"{self._name} runs on {self._target.name}, and stays there with its disks")
            if self._virsh.succeeds("dominfo", domain):
                self._virsh.ask("undefine", domain, "--nvram")
            self._vm = None
        while self._volumes:
            volume = self._volumes[-1]
            self._virsh.ask("vol-delete", "--pool", volume.pool, volume.name)
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


def _pool_of_files(chosen: Storage, storages: Sequence[Storage], host: str) -> str:
    """Where a trial start keeps what the machine writes: with its disks if it can, else in another pool. Raises UsageError."""
    for storage in (chosen, *sorted(storages, key=lambda one: not one.default)):
        if storage.kind in _FILES:
            return storage.name
    raise UsageError(
        f"a trial start on {host} needs a pool of files, for what the machine writes, and there is none",
        hint="leave it out, or make one there: virsh pool-create-as NAME dir --target FOLDER",
    )
