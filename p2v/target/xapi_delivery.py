"""One machine on its way into a pool: a VDI a disk, filled by `import_raw_vdi`, then the VM, its VBDs and VIFs."""

import http.client
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlencode

from xeninstall.base.errors import Error
from xeninstall.base.sizes import MIB

from ..journal import Job, Journal, MemoryJournal
from ..vm.console import Look
from ..vm.model import Mode, VirtualMachine
from ..vm.xva import Value, vm_record
from .comparing import compare
from .model import Lost, Storage, TargetError
from .tls import Trusted, failed
from .xapi_calls import Calls
from .xapi_made import Made
from .xapi_stream import XapiSink, asked
from .xapi_trial import XapiTrial, ended

_T = TypeVar("_T")
_UNIT_BYTES = 2 * MIB  # what storage managers round a disk up to
# Before what broke off is done once more.
AGAIN_SECONDS = (1.0, 5.0, 20.0)
# What VM.create takes of a VM's record; the rest is the host's to know.
_CREATED = (
    "name_label name_description user_version is_a_template affinity memory_target memory_static_max memory_static_min "
    "memory_dynamic_max memory_dynamic_min VCPUs_params VCPUs_max VCPUs_at_startup actions_after_shutdown "
    "actions_after_reboot actions_after_crash PV_bootloader PV_kernel PV_ramdisk PV_args PV_bootloader_args PV_legacy_args "
    "HVM_boot_policy HVM_boot_params HVM_shadow_multiplier platform PCI_bus other_config recommendations xenstore_data "
    "ha_always_run ha_restart_priority tags blocked_operations protection_policy has_vendor_device domain_type"
)


class XapiDelivery:
    """See Delivery."""

    resumable = False
    checkpoint_seconds = 60.0

    def __init__(
        self,
        calls: Calls,
        trusted: Trusted,
        networks: Callable[[Sequence[str]], dict[str, str]],
        address: str,
        name: str,
        storage: Storage,
    ) -> None:
        self._calls, self._trusted, self._networks, self._address = calls, trusted, networks, address
        self._name, self._storage = name, storage
        self.places: list[str] = []
        self._made = Made(calls)
        self._vdis: list[str] = []
        self._sizes: list[int] = []
        self._vm = ""
        self._machine: VirtualMachine | None = None
        self._trial: XapiTrial | None = None

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
            "other_config": {},
            "xenstore_data": {},
            "sm_config": {},
            "tags": [],
        }
        self.places.append(f"{label} ({self._storage.name})")
        self._vdis.append(self._made.create("VDI", record))
        self._sizes.append(size_bytes)

    def journal(self, number: int, job: Job) -> Journal:
        """See Delivery."""
        del number
        return MemoryJournal(job)

    def sink(self, number: int, at: int, length: int) -> XapiSink:
        """See Delivery."""
        del at
        size = -(-self._sizes[number] // _UNIT_BYTES) * _UNIT_BYTES if self._storage.thick else 0
        name = f"{self._address} ({self.places[number]})"
        return XapiSink(self._calls, self._trusted, self._made, self._vdis[number], name, length, size)

    def verify(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        """See Delivery. The whole disk comes back: XAPI has no digest of a part of one."""
        return self._steady(lambda: self._compare(number, journal, tell))

    def _compare(self, number: int, journal: Journal, tell: Callable[[int, int], None]) -> str:
        query = {"vdi": self._vdis[number], "format": "raw"}
        connection, response = asked(self._calls, self._trusted, "GET", f"/export_raw_vdi?{urlencode(query)}")
        name = f"{self.places[number]} on {self._address}"
        try:
            return compare(response, journal, self._sizes[number], name, "check the storage, and send it again", tell)
        except (OSError, http.client.HTTPException) as error:
            raise failed(error, self._calls.host) from None
        finally:
            connection.close()

    def define(self, vm: VirtualMachine, mode: Mode) -> str:
        """See Delivery."""
        del mode  # A machine from elsewhere runs as HVM here.
        return self._steady(lambda: self._define(vm))

    def _define(self, vm: VirtualMachine) -> str:
        self._made.remove_machines()  # what a connection that broke left half-done
        record = vm_record(vm, _Identity(), [], [])
        networks = self._networks(list(dict.fromkeys(nic.bridge for nic in vm.nics)))
        self._vm = self._made.create("VM", {name: value for name, value in record.items() if name in _CREATED.split()})
        for number, vdi in enumerate(self._vdis):
            self._calls.call("VBD.create", _vbd(self._vm, vdi, number))
            self._calls.call("VDI.set_name_description", vdi, vm.origin)
        for number, nic in enumerate(vm.nics):
            self._calls.call("VIF.create", _vif(self._vm, networks[nic.bridge], nic.mac, number))
        self._machine = vm
        how = f"xe vm-start uuid={self._calls.call('VM.get_uuid', self._vm)}"
        self._made.keep()
        return how

    def begin_trial(self, marker: str) -> None:
        """See Tried."""
        assert self._machine is not None
        trial = self._trial = XapiTrial(self._calls, self._trusted, self._made, self._machine, self._vm)
        try:
            self._steady(lambda: trial.begin(marker))
        except BaseException as error:
            try:
                self.end_trial()
            except TargetError as left:
                why = error.message if isinstance(error, Error) else "stopped"
                raise TargetError(f"{why}; {left.message}", hint=left.hint) from None
            if isinstance(error, Lost):
                raise TargetError(error.message, hint=error.hint) from None  # nothing of it is left to go on with
            raise

    def look(self) -> Look:
        """See Tried."""
        assert self._trial is not None
        return self._trial.look()

    def end_trial(self) -> None:
        """See Tried. Raises TargetError that names what stays."""
        if self._trial is not None:
            trial, self._trial = self._trial, None
            ended(trial, self._steady)

    def start(self) -> None:
        """See Delivery."""
        self._calls.call("VM.start", self._vm, False, False)

    def abort(self) -> None:
        """See Delivery. What stays after it failed, `places` names."""
        try:
            self._steady(self._made.remove)
        except BaseException:
            self.places = self._made.names
            raise

    def _steady(self, act: Callable[[], _T]) -> _T:
        """Do it, and do it once more when the connection breaks."""
        for wait in AGAIN_SECONDS:
            try:
                return act()
            except Lost:
                time.sleep(wait)
                with suppress(Lost):  # The next try says why.
                    self._calls.login()
        return act()

    def close(self) -> None:
        """See Delivery."""
        with suppress(Error):  # Tasks that stay end by themselves within a day.
            self._made.remove_tasks()


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
