"""XCP-ng and XenServer by XAPI: a VDI a disk, filled by `import_raw_vdi` with chunk records, then the VM, its VBDs and VIFs.

The import is `PUT /import_raw_vdi?…&format=raw&chunked=true`: the host answers 200 first, then takes records, little-endian {u64
offset, u32 length} and data, up to {0, 0}; what became of it, its task tells (xen-api's `import_raw_vdi.ml`, `stream_vdi`). It
never zeroes what is left out, so that on LVM the holes are sent. Every so often an import is ended and another begun, since only
an ended one is certain to have arrived.
"""

import http.client
import struct
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import xxhash

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.sizes import MIB

from ..journal import Job, Journal, MemoryJournal
from ..vm.model import Mode, VirtualMachine
from ..vm.xva import Value, vm_record
from .address import Address
from .model import Lost, Peer, Storage, TargetError, Wanted, storage_of
from .password import Password
from .tls import Trusted, connected, failed
from .xapi_calls import Calls, Refused, sense

_UNIT_BYTES = 2 * MIB  # what storage managers round a disk up to
_RECORD = struct.Struct("<QI")
_MOST_RECORD = 4 * MIB
_ZEROS = memoryview(bytes(_MOST_RECORD))
_TASK_SECONDS = 600.0
_BUSY_SECONDS = 90.0
_REDIRECTS = 3
_BROKEN = ("VDI_IO_ERROR", "INTERNAL_ERROR", "CLIENT_ERROR", "cancelled")
# What VM.create takes of a VM's record; the rest is the host's to know.
_CREATED = (
    "name_label name_description user_version is_a_template affinity memory_target memory_static_max memory_static_min "
    "memory_dynamic_max memory_dynamic_min VCPUs_params VCPUs_max VCPUs_at_startup actions_after_shutdown "
    "actions_after_reboot actions_after_crash PV_bootloader PV_kernel PV_ramdisk PV_args PV_bootloader_args PV_legacy_args "
    "HVM_boot_policy HVM_boot_params HVM_shadow_multiplier platform PCI_bus other_config recommendations xenstore_data "
    "ha_always_run ha_restart_priority tags blocked_operations protection_policy has_vendor_device domain_type"
)


class XapiTarget:
    """See Target."""

    formats: Sequence[str] = ("raw",)
    remarks: Sequence[str] = ()

    def __init__(self, address: Address, password: Password | None, trusted: Trusted) -> None:
        trusted.check()
        if password is None:
            raise UsageError(
                "XAPI logs in by a password, and none was given", hint="add --password ask, file:PATH, env:NAME or fd:NUMBER"
            )
        self._address, self.trusted = address, trusted
        self.calls = Calls(address.host, address.port or 443, address.user or "root", password, trusted)

    @property
    def name(self) -> str:
        """See Target."""
        return self._address.shown

    def login(self) -> Peer:
        """See Target."""
        self.calls.login()
        with sense(self.calls.host):
            pool = next(iter(self.calls.call("pool.get_all_records").values()))
            software = self.calls.call("host.get_software_version", pool["master"])
            product = f"{software.get('product_brand', 'XAPI')} {software.get('product_version', '')}".strip()
        return Peer(str(self.calls.call("host.get_hostname", pool["master"])), product, self.calls.fingerprint, (Mode.HVM,))

    def storages(self) -> Sequence[Storage]:
        """See Target."""
        return [storage for storage, _, _ in self._srs()]

    def _srs(self) -> list[tuple[Storage, str, dict[str, Any]]]:
        """Storage, reference and record of each storage repository that can take a disk."""
        with sense(self.calls.host):
            pool = next(iter(self.calls.call("pool.get_all_records").values()))
            attached = {pbd["SR"] for pbd in self.calls.call("PBD.get_all_records").values() if pbd["currently_attached"]}
            found, names = [], set[str]()
            for ref, record in sorted(self.calls.call("SR.get_all_records").items(), key=lambda item: item[1]["uuid"]):
                if ref not in attached or record["content_type"] == "iso" or "vdi_create" not in record["allowed_operations"]:
                    continue
                label = str(record["name_label"])
                name = label if label not in names else str(record["uuid"])
                names.add(name)
                size = int(record["physical_size"])
                free = size - int(record["physical_utilisation"]) if size > 0 else None
                storage = Storage(name, str(record["type"]), free, size if size > 0 else None, ref == pool["default_SR"])
                found.append((storage, ref, record))
        return found

    def deliver(self, wanted: Wanted) -> "XapiDelivery":
        """See Target. Raises Refused, RequirementError."""
        if wanted.resume or wanted.discard:
            option = "--resume" if wanted.resume else "--discard"
            raise UsageError(
                "XAPI keeps nothing of a stopped conversion", hint=f"leave {option} out: it is removed when it stops"
            )
        place = wanted.storage or self._address.place
        srs = self._srs()
        by_uuid = next((storage.name for storage, _, record in srs if record["uuid"] == place), place)
        plain = Wanted(wanted.name, wanted.disks, by_uuid)
        chosen = storage_of(plain, [storage for storage, _, _ in srs], self._address.host)
        ref, record = next((ref, record) for storage, ref, record in srs if storage.name == chosen.name)
        self.networks(wanted.bridges)
        delivery = XapiDelivery(self, wanted.name, chosen, str(record["type"]).startswith("lvm"))
        try:
            for number, disk in enumerate(wanted.disks):
                delivery.make(number, ref, disk.size_bytes)
        except BaseException:
            with suppress(Error):
                delivery.abort()
            raise
        return delivery

    def networks(self, bridges: Sequence[str]) -> dict[str, str]:
        """The reference of each bridge's network, by the bridge's name or the network's. Raises UsageError."""
        records = self.calls.call("network.get_all_records")
        with sense(self.calls.host):
            names = {ref: (str(record["bridge"]), str(record["name_label"])) for ref, record in records.items()}
        found = {}
        for bridge in bridges:
            match = [ref for ref, own in names.items() if bridge in own]
            if not match:
                listed = ", ".join(sorted(own[0] for own in names.values()))
                raise UsageError(
                    f"{self._address.host} has no network {bridge!r}", hint=f"map it by --bridge to one of: {listed}"
                )
            found[bridge] = match[0]
        return found

    def close(self) -> None:
        """See Target."""
        self.calls.logout()


class XapiDelivery:
    """See Delivery."""

    resumable = False
    checkpoint_seconds = 60.0

    def __init__(self, target: XapiTarget, name: str, storage: Storage, thick: bool) -> None:
        self._target, self._name, self._storage, self._thick = target, name, storage, thick
        self.places: list[str] = []
        self._vdis: list[str] = []
        self._sizes: list[int] = []
        self._vm = ""

    def make(self, number: int, sr: str, size_bytes: int) -> None:
        """Create the VDI of one disk."""
        size = -(-size_bytes // _UNIT_BYTES) * _UNIT_BYTES
        label = f"{self._name} disk {number}"
        record: dict[str, Value] = {
            "name_label": label,
            "name_description": "being sent by p2v",
            "SR": sr,
            "virtual_size": str(size),
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {"p2v": "incomplete"},
            "xenstore_data": {},
            "sm_config": {},
            "tags": [],
        }
        self._vdis.append(str(self._calls.call("VDI.create", record)))
        self._sizes.append(size_bytes)
        self.places.append(f"{label} ({self._storage.name})")

    @property
    def _calls(self) -> Calls:
        return self._target.calls

    def journal(self, number: int, job: Job) -> Journal:
        """See Delivery."""
        del number
        return MemoryJournal(job)

    def sink(self, number: int, at: int, length: int) -> "XapiSink":
        """See Delivery."""
        del at, length
        size = -(-self._sizes[number] // _UNIT_BYTES) * _UNIT_BYTES if self._thick else 0
        return XapiSink(self._target, self._vdis[number], f"{self._target.name} ({self.places[number]})", size)

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery. The whole disk comes back: XAPI has no digest of a part of one."""
        query = {"session_id": self._calls.session, "vdi": self._vdis[number], "format": "raw"}
        connection, response = _asked(self._target, "GET", f"/export_raw_vdi?{urlencode(query)}")
        total, place = self._sizes[number], 0
        try:
            for chunk in sorted(journal.record.chunks, key=lambda chunk: chunk.offset):
                while place < chunk.offset:
                    skipped = len(_read(response, min(_MOST_RECORD, chunk.offset - place)))
                    place += skipped
                    tell(place, total)
                data = _read(response, chunk.length)
                if xxhash.xxh3_128_hexdigest(data) != chunk.digest:
                    raise TargetError(
                        f"{self.places[number]} on {self._target.name} differs at byte {chunk.offset} from what was sent",
                        hint="check the storage, and send it again",
                    )
                place += chunk.length
                tell(place, total)
        except (OSError, http.client.HTTPException) as error:
            raise failed(error, self._calls.host) from None
        finally:
            connection.close()
        return f"{len(journal.record.chunks)} chunks were read back and compared"

    def define(self, vm: VirtualMachine, mode: Mode) -> str:
        """See Delivery."""
        del mode  # A machine from elsewhere runs as HVM here.
        record = vm_record(vm, _Identity(), [], [])
        networks = self._target.networks(list(dict.fromkeys(nic.bridge for nic in vm.nics)))
        self._vm = str(self._calls.call("VM.create", {name: value for name, value in record.items() if name in _CREATED.split()}))
        for number, vdi in enumerate(self._vdis):
            self._calls.call("VBD.create", _vbd(self._vm, vdi, number))
            self._calls.call("VDI.set_name_description", vdi, vm.origin)
            self._calls.call("VDI.remove_from_other_config", vdi, "p2v")
        for number, nic in enumerate(vm.nics):
            self._calls.call("VIF.create", _vif(self._vm, networks[nic.bridge], nic.mac, number))
        return f"xe vm-start uuid={self._calls.call('VM.get_uuid', self._vm)}"

    def start(self) -> None:
        """See Delivery."""
        self._calls.call("VM.start", self._vm, False, False)

    def abort(self) -> None:
        """See Delivery."""
        try:
            self._remove()
        except Lost:
            self._calls.login()
            self._remove()

    def _remove(self) -> None:
        if self._vm:
            self._gone("VM.destroy", self._vm)
            self._vm = ""
        while self._vdis:
            self._gone("VDI.destroy", self._vdis[-1])
            self._vdis.pop()

    def _gone(self, call: str, ref: str) -> None:
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._calls.call(call, ref)
                return
            except Refused as error:
                if error.code in ("HANDLE_INVALID", "UUID_INVALID"):
                    return
                # An import whose connection broke holds its disk until the host notices.
                if error.code not in ("VDI_IN_USE", "OTHER_OPERATION_IN_PROGRESS") or time.monotonic() > until:
                    raise
                time.sleep(1)

    def close(self) -> None:
        """See Delivery."""


class XapiSink:
    """See Sink: records down one connection; `sync` ends the import and waits for its task.

    `zeroed_bytes` is the size of a VDI in which everything has to be written, zeros too; 0 for one that begins as zeros.
    """

    any_order = False

    def __init__(self, target: XapiTarget, vdi: str, name: str, zeroed_bytes: int) -> None:
        self._target, self._vdi, self._name, self._zeroed = target, vdi, name, zeroed_bytes
        self._connection: http.client.HTTPConnection | None = None
        self._task = ""
        # A checkpoint is made by another thread than the one that writes.
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """See Sink."""
        return self._name

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink."""
        with self._lock:
            if self._connection is None:
                self._begin()
            for start in range(0, len(data), _MOST_RECORD):
                part = data[start : start + _MOST_RECORD]
                self._send(_RECORD.pack(offset + start, len(part)))
                self._send(part)

    def skip(self, offset: int, length: int) -> None:
        """See Sink."""
        self.zero(offset, length)

    def zero(self, offset: int, length: int) -> None:
        """Sent where what is left out would keep what another disk left there."""
        while self._zeroed and length > 0:
            step = min(length, len(_ZEROS))
            self.write(offset, _ZEROS[:step])
            offset, length = offset + step, length - step

    def read(self, offset: int, length: int) -> bytes:
        """Nothing that is sent here is asked for again."""
        raise NotImplementedError(f"{self._name} is not read back: {length} bytes at {offset}")

    def sync(self) -> None:
        """End the import, and see that it ended well."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._connection is None:
            return
        self._send(_RECORD.pack(0, 0))
        connection, self._connection = self._connection, None
        try:
            assert connection.sock is not None
            connection.sock.settimeout(_TASK_SECONDS)
            while connection.sock.recv(4096):
                pass
        except OSError:
            pass  # The task tells what became of it.
        finally:
            connection.close()
        self._await_task()

    def finish(self, length: int) -> None:
        """See Sink. What the storage rounded the disk up by is zeroed, too."""
        self.zero(length, self._zeroed - length)
        self.sync()

    def close(self) -> None:
        """See Sink."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._task:
            with suppress(Error):
                self._target.calls.call("task.cancel", self._task)
            self._task = ""

    def _begin(self) -> None:
        calls = self._target.calls
        self._task = str(calls.call("task.create", "p2v import", self._name))
        query = {"session_id": calls.session, "task_id": self._task, "vdi": self._vdi, "format": "raw", "chunked": "true"}
        self._connection, _ = _asked(self._target, "PUT", f"/import_raw_vdi?{urlencode(query)}")

    def _send(self, data: bytes | memoryview) -> None:
        assert self._connection is not None and self._connection.sock is not None
        try:
            self._connection.sock.sendall(data)
        except OSError as error:
            raise failed(error, self._target.calls.host) from None

    def _await_task(self) -> None:
        calls, until = self._target.calls, time.monotonic() + _TASK_SECONDS
        wait = 0.02
        while True:
            record = calls.call("task.get_record", self._task)
            if record["status"] != "pending":
                break
            if time.monotonic() > until:
                raise Lost(f"{calls.host} does not end an import", hint="see its tasks: xe task-list")
            time.sleep(wait)
            wait = min(wait * 2, 1.0)
        task, self._task = self._task, ""
        with suppress(Error):
            calls.call("task.destroy", task)
        if record["status"] != "success":
            told = [str(one)[:500] for one in record.get("error_info") or [record["status"]]]
            refused = Refused(calls.host, "import_raw_vdi", told)
            # What the host says of an import whose connection broke at its end: it is worth another.
            raise Lost(refused.message, hint=refused.hint) if refused.code in _BROKEN else refused


def _asked(target: XapiTarget, method: str, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """A request without a body of a known length, answered with 200. Another host of the pool may have the disk."""
    host, port = target.calls.host, target.calls.port
    for _ in range(_REDIRECTS):
        connection, _ = connected(host, port, target.trusted)
        try:
            # By hand: http.client lets go of a socket that the host says it will close, and the records are still to follow.
            assert connection.sock is not None
            asked = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: p2v\r\nConnection: close\r\n\r\n"
            connection.sock.sendall(asked.encode("ascii"))
            response = http.client.HTTPResponse(connection.sock, method=method)
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise failed(error, host) from None
        if response.status == 200:
            return connection, response
        location = response.headers.get("Location", "")
        connection.close()
        if response.status in (301, 302, 307):
            to = urlsplit(urljoin(f"https://{host}:{port}{path}", location))
            if to.scheme != "https" or not to.hostname:
                raise TargetError(f"{host} sends us to a place without TLS", hint="see what answers there")
            host, port, path = to.hostname, to.port or 443, f"{to.path}?{to.query}"
            continue
        if response.status in (401, 403):
            raise Lost(f"{host} has ended the session", hint="go on with --resume")
        raise TargetError(
            f"{host} answers {path.partition('?')[0]} with status {response.status}", hint="see xensource.log on the host"
        )
    raise TargetError(f"{host} is redirected again and again", hint="see that the pool's hosts see each other")


def _read(response: http.client.HTTPResponse, length: int) -> bytes:
    data = response.read(length)
    if len(data) < length:
        raise http.client.IncompleteRead(data)
    return data


class _Identity:
    time = 0

    def uuid(self, purpose: str) -> uuid.UUID:
        """One that nobody has."""
        del purpose
        return uuid.uuid4()


def _vbd(vm: str, vdi: str, number: int) -> dict[str, Any]:
    return {
        "VM": vm,
        "VDI": vdi,
        "userdevice": str(number),
        "bootable": number == 0,
        "mode": "RW",
        "type": "Disk",
        "unpluggable": True,
        "empty": False,
        "other_config": {"owner": ""},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }


def _vif(vm: str, network: str, mac: str, number: int) -> dict[str, Any]:
    return {
        "VM": vm,
        "network": network,
        "device": str(number),
        "MAC": mac,
        "MTU": "1500",
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }
