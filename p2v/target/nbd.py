"""An NBD server: an export a disk, as large as the disk or larger, of which nothing is known before: holes become zeros."""

import threading
from collections.abc import Callable, Sequence

import xxhash

from xeninstall.base.errors import RequirementError, UsageError
from xeninstall.base.sizes import MIB, format_size

from ..journal import Journal
from .address import Address
from .model import Peer, Storage, TargetError, Wanted
from .nbd_protocol import Nbd
from .remembering import Bytes, only_fresh, several
from .tls import Trusted

PORT = 10809
_AT_ONCE = MIB
_ZEROED_AT_ONCE = 1 << 30
_ZEROS = memoryview(bytes(_AT_ONCE))


class NbdTarget:
    """See Target. `trusted` is None without TLS."""

    formats: Sequence[str] = ("raw",)
    tries = False
    remarks: Sequence[str] = ()

    def __init__(self, address: Address, trusted: Trusted | None) -> None:
        if address.user:
            raise UsageError("NBD knows no users", hint="write nbd://host/export")
        self._address, self._trusted = address, trusted
        if trusted is not None and trusted.fingerprints:
            raise UsageError("NBD's certificate is not pinned", hint="give --ca instead of --fingerprint")

    @property
    def name(self) -> str:
        """See Target."""
        return self._address.shown

    def open(self, export: str) -> Nbd:
        """A connection to one export."""
        tls = self._trusted.context() if self._trusted is not None else None
        address = self._address
        return Nbd(address.host, address.port or PORT, export, tls, f"{address.scheme}://{address.host}/{export}")

    def login(self) -> Peer:
        """See Target: there is nothing to log in to; each export is tried when it is known which."""
        return Peer(self._address.host, "NBD")

    def storages(self) -> Sequence[Storage]:
        """See Target: exports are named, not listed."""
        return ()

    def deliver(self, wanted: Wanted) -> "NbdDelivery":
        """See Target."""
        only_fresh(wanted, "NBD")
        exports = several(wanted.storage or self._address.place, wanted)
        for export, disk in zip(exports, wanted.disks, strict=True):
            nbd = self.open(export)
            size, read_only = nbd.size_bytes, nbd.read_only
            nbd.close()
            if read_only:
                raise TargetError(f"{self.name}: the export {export!r} is read-only", hint="start the server without that")
            if size < disk.length_bytes:
                needed = f"{disk.name} has {format_size(disk.length_bytes)}"
                raise RequirementError(
                    f"{self.name}: the export {export!r} holds {format_size(size)} and {needed}", hint="serve a larger one"
                )
        return NbdDelivery(self, exports)

    def close(self) -> None:
        """See Target."""


class NbdDelivery(Bytes):
    """See Delivery."""

    checkpoint_seconds = 5.0

    def __init__(self, target: NbdTarget, exports: Sequence[str]) -> None:
        super().__init__([f"{target.name} ({export or 'the default export'})" for export in exports])
        self._target, self._exports = target, exports

    def sink(self, number: int, at: int, length: int) -> "NbdSink":
        """See Delivery."""
        del at, length
        return NbdSink(self._target.open(self._exports[number]), self.places[number])

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery."""
        nbd, done = self._target.open(self._exports[number]), 0
        chunks = journal.record.chunks
        total = sum(chunk.length for chunk in chunks)
        try:
            for chunk in chunks:
                if xxhash.xxh3_128_hexdigest(nbd.read(chunk.offset, chunk.length)) != chunk.digest:
                    raise TargetError(
                        f"{self.places[number]} differs at byte {chunk.offset} from what was sent", hint="check the server's disk"
                    )
                done += chunk.length
                tell(done, total)
        finally:
            nbd.close()
        return f"{len(chunks)} chunks were read back and compared"

    def abort(self) -> None:
        """See Delivery: an export is not ours to remove; what was written stays, and was told to be incomplete."""


class NbdSink:
    """See Sink."""

    any_order = False

    def __init__(self, nbd: Nbd, name: str) -> None:
        self._nbd, self._name = nbd, name
        # A checkpoint is made by another thread than the one that writes.
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """See Sink."""
        return self._name

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink."""
        with self._lock:
            for start in range(0, len(data), _AT_ONCE):
                self._nbd.write(offset + start, data[start : start + _AT_ONCE])

    def skip(self, offset: int, length: int) -> None:
        """Zeros: the export may hold anything."""
        self.zero(offset, length)

    def zero(self, offset: int, length: int) -> None:
        """A request where the server knows it, else sent."""
        while length > 0:
            step = min(length, _ZEROED_AT_ONCE if self._nbd.zeroes else _AT_ONCE)
            if self._nbd.zeroes:
                with self._lock:
                    self._nbd.write_zeroes(offset, step)
            else:
                self.write(offset, _ZEROS[:step])
            offset, length = offset + step, length - step

    def read(self, offset: int, length: int) -> bytes:
        """Nothing that is sent here is asked for again."""
        raise NotImplementedError(f"{self._name} is not read back: {length} bytes at {offset}")

    def sync(self) -> None:
        """See Sink."""
        with self._lock:
            self._nbd.flush()

    def finish(self, length: int) -> None:
        """See Sink."""
        del length
        self.sync()

    def close(self) -> None:
        """See Sink."""
        with self._lock:
            self._nbd.close()
