"""What a pool of XCP-ng hosts holds, and what its calls do to that, as the XenAPI's reference and xen-api's sources say.

It refuses what they refuse, and counts every breach: a call without a session, a record with a missing or unknown field, a number
that is no string. Storage of the kind `lvm` holds old data in a new disk; a task that is pending is not destroyed before it has
ended.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any

from .xapi_fields import VBD_NEEDED, VDI_FIELDS, VIF_NEEDED, VM_ALLOWED, VM_NEEDED

MIB = 1 << 20


class Failure(Exception):
    """One that the API answers."""


class Records:
    """One host that is the master, or, with `master`, a member that only points at it."""

    def __init__(self, kind: str, free: int, master: str, *, keep_sessions: bool) -> None:
        self._keep_sessions = keep_sessions
        self.kind, self.free, self.master = kind, free, master
        self.sessions: set[str] = set()
        self.blank: Callable[[int], Any] = bytearray  # a new disk, all zeros
        self.vdis: dict[str, dict[str, Any]] = {}
        self.vms: dict[str, dict[str, Any]] = {}
        self.vbds: dict[str, dict[str, Any]] = {}
        self.vifs: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self._calls: dict[str, dict[str, Any]] = {}  # the tasks of calls
        self.breaches: list[str] = []
        # Of a machine that was cloned for a trial start.
        self.consoles: tuple[str, ...] = ("rfb", "vt100")
        self.console_at = "https://127.0.0.1"
        self.trials: list[dict[str, Any]] = []  # as they were started
        self.progress: list[tuple[str, float]] = []  # as tasks were told it, with their labels
        self.is_old = False  # from before tasks could be told it
        self.formats: tuple[str, ...] = ()  # that the storage manager says it keeps; older ones say nothing
        self.port = 0

    def expire(self) -> None:
        """Every session ends."""
        self.sessions.clear()

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Do it: what it answers. Raises Failure."""
        if name == "session.login_with_password":
            user, password = arguments[:2]
            if self.master:
                raise Failure("HOST_IS_SLAVE", self.master)
            if (user, password) != ("root", "correct horse"):
                raise Failure("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
            session = new_ref()
            self.sessions.add(session)
            return session
        session = arguments.pop(0)
        if session not in self.sessions:
            raise Failure("SESSION_INVALID", session)
        method: Callable[..., Any] | None = getattr(self, "_" + name.replace(".", "_"), None)
        if method is None:
            self.breach(f"{name} is no call")
            raise Failure("MESSAGE_METHOD_UNKNOWN", name)
        return method(*arguments)

    def breach(self, what: str) -> None:
        """Somebody did what no client may."""
        self.breaches.append(what)

    def _known(self, kind: str, records: dict[str, dict[str, Any]], ref: str) -> dict[str, Any]:
        if ref not in records:
            raise Failure("HANDLE_INVALID", kind, ref)
        return records[ref]

    def _fields(self, kind: str, record: dict[str, Any], needed: set[str], allowed: set[str]) -> None:
        for field in needed - set(record):
            self.breach(f"{kind} lacks {field}")
        for field in set(record) - allowed:
            self.breach(f"{kind} has {field}, which is not for the caller to say")
        for field, value in record.items():
            if isinstance(value, int) and not isinstance(value, bool):
                self.breach(f"{kind}.{field} is a number, and numbers are strings")

    # ---- the calls, by their names with an underscore for the dot ----------------------------------------------------

    def _session_logout(self) -> str:
        if not self._keep_sessions:
            self.sessions.clear()
        return ""

    def _pool_get_all_records(self) -> dict[str, Any]:
        return {"OpaqueRef:pool": {"master": "OpaqueRef:host", "default_SR": "OpaqueRef:sr", "name_label": "pool"}}

    def _host_get_software_version(self, host: str) -> dict[str, str]:
        assert host == "OpaqueRef:host"
        return {"product_brand": "XCP-ng", "product_version": "8.3.0", "xapi": "25.6"}

    def _host_get_hostname(self, host: str) -> str:
        assert host == "OpaqueRef:host"
        return "xcp1"

    def _PBD_get_all_records(self) -> dict[str, Any]:
        return {
            f"OpaqueRef:pbd{number}": {"SR": sr, "currently_attached": number != 2}
            for number, sr in enumerate(("OpaqueRef:sr", "OpaqueRef:iso", "OpaqueRef:gone"))
        }

    def _SM_get_all_records(self) -> dict[str, Any]:
        told = {"supported_image_formats": list(self.formats)} if self.formats else {}
        return {f"OpaqueRef:sm-{kind}": {"type": kind, **told} for kind in {self.kind, "iso", "nfs"}}

    def _SR_get_all_records(self) -> dict[str, Any]:
        common = {"allowed_operations": ["vdi_create", "scan"], "sm_config": {}}
        size = {"physical_size": str(self.free * 2), "physical_utilisation": str(self.free)}
        return {
            "OpaqueRef:sr": {
                "uuid": "aaaa",
                "name_label": "Local storage",
                "type": self.kind,
                "content_type": "user",
                **size,
                **common,
            },
            "OpaqueRef:iso": {"uuid": "bbbb", "name_label": "ISOs", "type": "iso", "content_type": "iso", **size, **common},
            "OpaqueRef:gone": {
                "uuid": "cccc",
                "name_label": "Unplugged",
                "type": "nfs",
                "content_type": "user",
                **size,
                **common,
            },
        }

    def _network_get_all_records(self) -> dict[str, Any]:
        return {"OpaqueRef:net0": {"bridge": "xenbr0", "name_label": "Pool-wide network associated with eth0"}}

    def _VDI_create(self, record: dict[str, Any]) -> str:
        self._fields("VDI", record, VDI_FIELDS, VDI_FIELDS)
        size = int(record["virtual_size"])
        if record["SR"] != "OpaqueRef:sr":
            raise Failure("HANDLE_INVALID", "SR", record["SR"])
        if size > (16381 << 30 if "qcow2" in self.formats else 2040 << 30):
            raise Failure("SR_BACKEND_FAILURE_79", "", "VDI Invalid size")
        if size > self.free:
            raise Failure("SR_BACKEND_FAILURE_44", "", "There is insufficient space")
        if size % (2 * MIB):
            self.breach(f"a VDI of {size} bytes, which the storage would round up")
        data = bytearray(b"\xaa") * size if self.kind.startswith("lvm") else self.blank(size)
        ref = new_ref()
        self.vdis[ref] = {**record, "data": data, "busy": False}
        return ref

    def _VDI_get_all(self) -> list[str]:
        return list(self.vdis)

    def _VDI_destroy(self, ref: str) -> str:
        vdi = self._known("VDI", self.vdis, ref)
        attached = [own for own, vbd in self.vbds.items() if vbd["VDI"] == ref]
        if vdi["busy"] or any(self.vms[self.vbds[own]["VM"]]["power_state"] != "Halted" for own in attached):
            raise Failure("VDI_IN_USE", ref, "destroy")
        for own in attached:
            del self.vbds[own]
        del self.vdis[ref]
        return ""

    def _VDI_get_by_name_label(self, label: str) -> list[str]:
        return _labelled(self.vdis, label)

    def _VDI_get_other_config(self, ref: str) -> dict[str, str]:
        return dict(self._known("VDI", self.vdis, ref)["other_config"])

    def _VDI_set_name_description(self, ref: str, text: str) -> str:
        self._known("VDI", self.vdis, ref)["name_description"] = text
        return ""

    def _VDI_remove_from_other_config(self, ref: str, key: str) -> str:
        self._known("VDI", self.vdis, ref)["other_config"].pop(key, None)
        return ""

    def _VM_create(self, record: dict[str, Any]) -> str:
        self._fields("VM", record, VM_NEEDED, VM_ALLOWED)
        ref = new_ref()
        self.vms[ref] = {**record, "uuid": str(uuid.uuid4()), "power_state": "Halted"}
        return ref

    def _VM_get_uuid(self, ref: str) -> str:
        return str(self._known("VM", self.vms, ref)["uuid"])

    def _VM_get_by_name_label(self, label: str) -> list[str]:
        return _labelled(self.vms, label)

    def _VM_get_other_config(self, ref: str) -> dict[str, str]:
        return dict(self._known("VM", self.vms, ref)["other_config"])

    def _VM_remove_from_other_config(self, ref: str, key: str) -> str:
        self._known("VM", self.vms, ref)["other_config"].pop(key, None)
        return ""

    def _VM_destroy(self, ref: str) -> str:
        if (state := self._known("VM", self.vms, ref)["power_state"]) != "Halted":
            raise Failure("VM_BAD_POWER_STATE", ref, "halted", state.lower())
        del self.vms[ref]
        for records in (self.vbds, self.vifs):
            for own in [own for own, record in records.items() if record["VM"] == ref]:
                del records[own]
        return ""

    def _VM_start(self, ref: str, paused: bool, force: bool) -> str:
        vm = self._known("VM", self.vms, ref)
        assert paused is False and force is False
        if vm["power_state"] != "Halted":
            raise Failure("VM_BAD_POWER_STATE", ref, "halted", vm["power_state"].lower())
        if "p2v trial" in vm["name_label"]:
            if any(vif["VM"] == ref for vif in self.vifs.values()):
                self.breach("a trial start with network cards")
            self.trials.append(dict(vm))
        vm["power_state"] = "Running"
        return ""

    def _VM_clone(self, ref: str, label: str) -> str:
        vm = self._known("VM", self.vms, ref)
        if vm["power_state"] != "Halted":
            raise Failure("VM_BAD_POWER_STATE", ref, "halted", vm["power_state"].lower())
        clone = new_ref()
        self.vms[clone] = {**vm, "name_label": label, "uuid": str(uuid.uuid4()), "other_config": dict(vm["other_config"])}
        for vbd in [vbd for vbd in self.vbds.values() if vbd["VM"] == ref]:
            disk, vdi = new_ref(), self.vdis[vbd["VDI"]]
            self.vdis[disk] = {**vdi, "data": bytearray(vdi["data"]), "other_config": dict(vdi["other_config"])}
            self.vbds[new_ref()] = {**vbd, "VM": clone, "VDI": disk}
        for vif in [vif for vif in self.vifs.values() if vif["VM"] == ref]:
            self.vifs[new_ref()] = {**vif, "VM": clone, "MAC": "00:16:3e:00:00:01"}
        return clone

    def _VM_set_name_description(self, ref: str, text: str) -> str:
        self._known("VM", self.vms, ref)["name_description"] = text
        return ""

    def _VM_set_memory_limits(self, ref: str, *limits: str) -> str:
        if len(limits) != 4 or not all(isinstance(limit, str) for limit in limits):
            self.breach(f"memory limits {limits}")
        names = ("memory_static_min", "memory_static_max", "memory_dynamic_min", "memory_dynamic_max")
        self._known("VM", self.vms, ref).update(zip(names, limits, strict=True))
        return ""

    def _VM_set_VCPUs_at_startup(self, ref: str, number: str) -> str:
        vm = self._known("VM", self.vms, ref)
        if not isinstance(number, str) or int(number) > int(vm["VCPUs_max"]):
            raise Failure("INVALID_VALUE", "VCPUs_at_startup", number)
        vm["VCPUs_at_startup"] = number
        return ""

    def _VM_get_power_state(self, ref: str) -> str:
        return str(self._known("VM", self.vms, ref)["power_state"])

    def _VM_hard_shutdown(self, ref: str) -> str:
        vm = self._known("VM", self.vms, ref)
        if vm["power_state"] == "Halted":
            raise Failure("VM_BAD_POWER_STATE", ref, "running", "halted")
        vm["power_state"] = "Halted"
        return ""

    def _VM_get_VIFs(self, ref: str) -> list[str]:
        self._known("VM", self.vms, ref)
        return [own for own, vif in self.vifs.items() if vif["VM"] == ref]

    def _VM_get_VBDs(self, ref: str) -> list[str]:
        self._known("VM", self.vms, ref)
        return [own for own, vbd in self.vbds.items() if vbd["VM"] == ref]

    def _VBD_get_VDI(self, ref: str) -> str:
        return str(self._known("VBD", self.vbds, ref)["VDI"])

    def _VIF_destroy(self, ref: str) -> str:
        self._known("VIF", self.vifs, ref)
        del self.vifs[ref]
        return ""

    def _VM_get_consoles(self, ref: str) -> list[str]:
        running = self._known("VM", self.vms, ref)["power_state"] == "Running"
        return [f"{protocol} {ref}" for protocol in self.consoles] if running else []

    def _console_get_protocol(self, console: str) -> str:
        return console.partition(" ")[0]

    def _console_get_location(self, console: str) -> str:
        return f"{self.console_at}:{self.port}/console?ref={console.partition(' ')[2]}"

    def _VBD_create(self, record: dict[str, Any]) -> str:
        self._fields("VBD", record, VBD_NEEDED, VBD_NEEDED)
        self._known("VM", self.vms, record["VM"])
        self._known("VDI", self.vdis, record["VDI"])
        if any(other["VM"] == record["VM"] and other["userdevice"] == record["userdevice"] for other in self.vbds.values()):
            raise Failure("DEVICE_ALREADY_EXISTS", record["userdevice"])
        ref = new_ref()
        self.vbds[ref] = record
        return ref

    def _VIF_create(self, record: dict[str, Any]) -> str:
        self._fields("VIF", record, VIF_NEEDED, VIF_NEEDED)
        self._known("VM", self.vms, record["VM"])
        if record["network"] != "OpaqueRef:net0":
            raise Failure("HANDLE_INVALID", "network", record["network"])
        if not re.fullmatch("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", record["MAC"]):
            raise Failure("MAC_INVALID", record["MAC"])
        ref = new_ref()
        self.vifs[ref] = record
        return ref

    def _task_create(self, label: str, description: str) -> str:
        assert label and isinstance(description, str)
        ref = new_ref()
        told = {"name_label": label, "name_description": description, "other_config": {}, "current_operations": {}}
        self.tasks[ref] = {"status": "pending", "error_info": [], "progress": 0.0, **told}
        return ref

    def _task_get_record(self, ref: str) -> dict[str, Any]:
        return self._known("task", self.tasks, ref)

    def _task_get_all_records(self) -> dict[str, Any]:
        return self._calls | self.tasks

    def _task_get_by_name_label(self, label: str) -> list[str]:
        return _labelled(self._calls | self.tasks, label)

    def _task_get_name_description(self, ref: str) -> str:
        return str(self._known("task", self.tasks, ref)["name_description"])

    def _task_set_progress(self, ref: str, value: float) -> str:
        if self.is_old:
            raise Failure("MESSAGE_METHOD_UNKNOWN", "task.set_progress")
        task = self._known("task", self.tasks, ref)
        if not isinstance(value, float) or not task["progress"] <= value <= 1.0:
            self.breach(f"a task's progress goes from {task['progress']} to {value}")
        task["progress"] = value
        self.progress.append((task["name_label"], value))
        return ""

    def _task_cancel(self, ref: str) -> str:
        self._known("task", self.tasks, ref)["current_operations"][new_ref()] = "cancel"
        return ""

    def _task_set_status(self, ref: str, status: str) -> str:
        self._known("task", self.tasks, ref)
        self.ended(ref, status)
        return ""

    def _task_destroy(self, ref: str) -> str:
        if self._known("task", self.tasks, ref)["status"] == "pending":
            self.tasks[ref]["current_operations"]["task"] = "destroy"
        else:
            del self.tasks[ref]
        return ""

    def ended(self, ref: str, status: str, *error: str) -> None:
        """A task that is pending is over."""
        task = self.tasks.get(ref)
        if task is None or task["status"] != "pending":
            return
        task["status"], task["error_info"] = status, list(error)
        if "destroy" in task["current_operations"].values():
            del self.tasks[ref]


def _labelled(records: dict[str, dict[str, Any]], label: str) -> list[str]:
    return [ref for ref, record in records.items() if record["name_label"] == label]


def new_ref() -> str:
    """An opaque reference."""
    return f"OpaqueRef:{uuid.uuid4()}"
