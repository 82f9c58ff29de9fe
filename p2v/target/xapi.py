"""XCP-ng and XenServer by XAPI: a VDI a disk, filled by `import_raw_vdi`, then the VM, its VBDs and VIFs."""

import http.client
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.sizes import MIB

from ..journal import Job, Journal, MemoryJournal
from ..vm.model import Mode, VirtualMachine
from ..vm.xva import Value, vm_record
from .address import Address
from .comparing import compare
from .model import Lost, Peer, Storage, Wanted, storage_of
from .password import Password
from .tls import Trusted, failed
from .xapi_calls import Calls, Refused, sense
from .xapi_stream import XapiSink, asked

_UNIT_BYTES = 2 * MIB  # what storage managers round a disk up to
_BUSY_SECONDS = 90.0
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
    tries = False
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

    def sink(self, number: int, at: int, length: int) -> XapiSink:
        """See Delivery."""
        del at, length
        size = -(-self._sizes[number] // _UNIT_BYTES) * _UNIT_BYTES if self._thick else 0
        return XapiSink(
            self._calls, self._target.trusted, self._vdis[number], f"{self._target.name} ({self.places[number]})", size
        )

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery. The whole disk comes back: XAPI has no digest of a part of one."""
        query = {"session_id": self._calls.session, "vdi": self._vdis[number], "format": "raw"}
        connection, response = asked(self._calls, self._target.trusted, "GET", f"/export_raw_vdi?{urlencode(query)}")
        name = f"{self.places[number]} on {self._target.name}"
        try:
            return compare(response, journal, self._sizes[number], name, "check the storage, and send it again", tell)
        except (OSError, http.client.HTTPException) as error:
            raise failed(error, self._calls.host) from None
        finally:
            connection.close()

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
