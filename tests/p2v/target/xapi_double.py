"""A strict stand-in for a pool of XCP-ng hosts, since no machine of ours holds one: XML-RPC over TLS, sessions, tasks, imports.

It does what the XenAPI's reference and xen-api's sources say, refuses what they refuse, and counts every breach: a call without a
session, a record with a missing or unknown field, a number that is no string, a chunk beyond the disk. Storage of the kind `lvm`
holds old data in a new disk, and an import leaves what it does not write as it was. A call whose connection is gone goes on, and
its task bears what the header said; a task that is pending is not destroyed before it has ended.
"""

import re
import socket
import ssl
import struct
import threading
import time
import uuid
import xmlrpc.client
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .certificate import Certificate
from .xapi_fields import VBD_NEEDED, VDI_FIELDS, VIF_NEEDED, VM_ALLOWED, VM_NEEDED

MIB = 1 << 20
# Calls that have a task of their own, which other clients see.
_ASYNC = (
    "VDI.create",
    "VDI.destroy",
    "VM.create",
    "VM.destroy",
    "VM.start",
    "VBD.create",
    "VIF.create",
    "VM.clone",
    "VM.hard_shutdown",
)


class Failure(Exception):
    """One that the API answers."""


@dataclass(frozen=True)
class Cut:
    """Where the connection is cut: in the nth time of a phase, perhaps counted from the first failure that is answered on."""

    phase: str
    nth: int = 1
    for_good: bool = False  # nobody answers from then on
    after_failure: bool = False


class Pool:
    """One host that is the master, or, with `master`, a member that only points at it."""

    def __init__(
        self, certificate: Certificate, *, kind: str = "ext", free: int = 1 << 40, master: str = "", keep_sessions: bool = False
    ) -> None:
        self._keep_sessions = keep_sessions
        self.kind, self.free, self.master = kind, free, master
        self.sessions: set[str] = set()
        self.vdis: dict[str, dict[str, Any]] = {}
        self.vms: dict[str, dict[str, Any]] = {}
        self.vbds: dict[str, dict[str, Any]] = {}
        self.vifs: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.breaches: list[str] = []
        self.called: list[str] = []
        self.imports = 0
        # Of a machine that was cloned for a trial start: its consoles, and what it says each time that its text one is opened.
        self.consoles: tuple[str, ...] = ("rfb", "vt100")
        self.console_at = "https://127.0.0.1"
        self.says: list[bytes] = [b"Booting\r\n\r\nold login: "]
        self.ends_after_speech = False
        self.trials: list[dict[str, Any]] = []  # as they were started
        self.progress: list[tuple[str, float]] = []  # as tasks were told it, with their labels
        self.is_old = False  # from before tasks could be told it
        self.cut_at: dict[str, int] = {}  # phase → how often the connection is cut in it
        self.cut: Cut | None = None
        self.is_gone = False
        self.phases: Counter[str] = Counter()
        self.last_seconds = 0.5  # that a call goes on whose connection is cut "during" it
        self._calls: dict[str, dict[str, Any]] = {}  # the tasks of calls
        self.cut_after = 3 * MIB  # bytes of an import
        self.redirect_imports = ""
        self.fails: dict[str, list[str]] = {}  # call → the failure it answers
        self.damage = False
        self.formats: tuple[str, ...] = ()  # that the storage manager says it keeps; older ones say nothing
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.path, certificate.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.RLock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def to(self) -> str:
        """Its address."""
        return f"xapi://root@127.0.0.1:{self.port}"

    def close(self) -> None:
        """No more."""
        self._listener.close()

    def expire(self) -> None:
        """Every session ends."""
        self.sessions.clear()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            if self.is_gone:
                plain.close()
                continue
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as sock:
                file = sock.makefile("rb")
                while line := file.readline(8192):
                    method, target, _version = line.decode().split()
                    headers = {}
                    while header := file.readline(8192).decode().strip():
                        name, _, value = header.partition(":")
                        headers[name.lower()] = value.strip()
                    if method == "POST":
                        if not self._post(sock, file.read(int(headers["content-length"])), headers):
                            return
                        continue
                    if method == "CONNECT":
                        self._console(sock, target, headers)
                        return
                    self._stream(sock, file, method, target, headers)
                    return
        except (OSError, ssl.SSLError):
            pass

    def _cut(self, phase: str) -> bool:
        with self._lock:
            self.phases[phase] += 1
            if self.cut is not None and not self.cut.after_failure and self.cut.phase == phase:
                if self.cut.nth != self.phases[phase]:
                    return False
                self.is_gone = self.cut.for_good
                return True
            if self.cut_at.get(phase, 0) > 0:
                self.cut_at[phase] -= 1
                return True
        return False

    def _post(self, sock: ssl.SSLSocket, body: bytes, headers: dict[str, str]) -> bool:
        arguments, name = xmlrpc.client.loads(body.decode())
        assert name is not None
        self.called.append(name)
        if self._cut(f"before {name}"):
            return False
        if name in _ASYNC and self._cut(f"during {name}"):
            task = _ref()
            told = {"p2v": headers["x-http-other-config-p2v"]} if "x-http-other-config-p2v" in headers else {}
            self._calls[task] = {"status": "pending", "other_config": told, "name_label": name}
            self._go_on(task, name, list(arguments))
            return False
        try:
            with self._lock:
                if name in self.fails:
                    raise Failure(*self.fails[name])
                answer: dict[str, Any] = {"Status": "Success", "Value": self._call(name, list(arguments))}
        except Failure as failure:
            answer = {"Status": "Failure", "ErrorDescription": [str(one) for one in failure.args]}
            if self.cut is not None and self.cut.after_failure:
                self.phases.clear()
                self.cut = replace(self.cut, after_failure=False, nth=1)
        if self._cut(f"after {name}"):
            return False
        text = xmlrpc.client.dumps((answer,), methodresponse=True).encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
        return True

    def _go_on(self, task: str, name: str, arguments: list[Any]) -> None:
        def later() -> None:
            with self._lock, suppress(Failure):
                self._call(name, arguments)
            self._calls[task]["status"] = "success"

        threading.Timer(self.last_seconds, later).start()

    def _call(self, name: str, arguments: list[Any]) -> Any:
        if name == "session.login_with_password":
            user, password = arguments[:2]
            if self.master:
                raise Failure("HOST_IS_SLAVE", self.master)
            if (user, password) != ("root", "correct horse"):
                raise Failure("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
            session = _ref()
            self.sessions.add(session)
            return session
        session = arguments.pop(0)
        if session not in self.sessions:
            raise Failure("SESSION_INVALID", session)
        method: Callable[..., Any] | None = getattr(self, "_" + name.replace(".", "_"), None)
        if method is None:
            self._breach(f"{name} is no call")
            raise Failure("MESSAGE_METHOD_UNKNOWN", name)
        return method(*arguments)

    def _breach(self, what: str) -> None:
        self.breaches.append(what)

    def _known(self, kind: str, records: dict[str, dict[str, Any]], ref: str) -> dict[str, Any]:
        if ref not in records:
            raise Failure("HANDLE_INVALID", kind, ref)
        return records[ref]

    def _fields(self, kind: str, record: dict[str, Any], needed: set[str], allowed: set[str]) -> None:
        for field in needed - set(record):
            self._breach(f"{kind} lacks {field}")
        for field in set(record) - allowed:
            self._breach(f"{kind} has {field}, which is not for the caller to say")
        for field, value in record.items():
            if isinstance(value, int) and not isinstance(value, bool):
                self._breach(f"{kind}.{field} is a number, and numbers are strings")

    # Calls, by their names with an underscore for the dot.

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
            self._breach(f"a VDI of {size} bytes, which the storage would round up")
        data = bytearray(b"\xaa") * size if self.kind.startswith("lvm") else bytearray(size)
        ref = _ref()
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
        ref = _ref()
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
                self._breach("a trial start with network cards")
            self.trials.append(dict(vm))
        vm["power_state"] = "Running"
        return ""

    def _VM_clone(self, ref: str, label: str) -> str:
        vm = self._known("VM", self.vms, ref)
        if vm["power_state"] != "Halted":
            raise Failure("VM_BAD_POWER_STATE", ref, "halted", vm["power_state"].lower())
        clone = _ref()
        self.vms[clone] = {**vm, "name_label": label, "uuid": str(uuid.uuid4()), "other_config": dict(vm["other_config"])}
        for vbd in [vbd for vbd in self.vbds.values() if vbd["VM"] == ref]:
            disk, vdi = _ref(), self.vdis[vbd["VDI"]]
            self.vdis[disk] = {**vdi, "data": bytearray(vdi["data"]), "other_config": dict(vdi["other_config"])}
            self.vbds[_ref()] = {**vbd, "VM": clone, "VDI": disk}
        for vif in [vif for vif in self.vifs.values() if vif["VM"] == ref]:
            self.vifs[_ref()] = {**vif, "VM": clone, "MAC": "00:16:3e:00:00:01"}
        return clone

    def _VM_set_name_description(self, ref: str, text: str) -> str:
        self._known("VM", self.vms, ref)["name_description"] = text
        return ""

    def _VM_set_memory_limits(self, ref: str, *limits: str) -> str:
        if len(limits) != 4 or not all(isinstance(limit, str) for limit in limits):
            self._breach(f"memory limits {limits}")
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
        ref = _ref()
        self.vbds[ref] = record
        return ref

    def _VIF_create(self, record: dict[str, Any]) -> str:
        self._fields("VIF", record, VIF_NEEDED, VIF_NEEDED)
        self._known("VM", self.vms, record["VM"])
        if record["network"] != "OpaqueRef:net0":
            raise Failure("HANDLE_INVALID", "network", record["network"])
        if not re.fullmatch("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", record["MAC"]):
            raise Failure("MAC_INVALID", record["MAC"])
        ref = _ref()
        self.vifs[ref] = record
        return ref

    def _task_create(self, label: str, description: str) -> str:
        assert label and isinstance(description, str)
        ref = _ref()
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
            self._breach(f"a task's progress goes from {task['progress']} to {value}")
        task["progress"] = value
        self.progress.append((task["name_label"], value))
        return ""

    def _task_cancel(self, ref: str) -> str:
        self._known("task", self.tasks, ref)["current_operations"][_ref()] = "cancel"
        return ""

    def _task_set_status(self, ref: str, status: str) -> str:
        self._known("task", self.tasks, ref)
        self._ended(ref, status)
        return ""

    def _task_destroy(self, ref: str) -> str:
        if self._known("task", self.tasks, ref)["status"] == "pending":
            self.tasks[ref]["current_operations"]["task"] = "destroy"
        else:
            del self.tasks[ref]
        return ""

    def _ended(self, ref: str, status: str, *error: str) -> None:
        task = self.tasks.get(ref)
        if task is None or task["status"] != "pending":
            return
        task["status"], task["error_info"] = status, list(error)
        if "destroy" in task["current_operations"].values():
            del self.tasks[ref]

    # Streams.

    def _console(self, sock: ssl.SSLSocket, target: str, headers: dict[str, str]) -> None:
        parts = urlsplit(target)
        if "session" in target:
            self._breach("a session in a request line")
        if _cookies(headers).get("session_id") not in self.sessions:
            sock.sendall(b"HTTP/1.1 401 Unauthorised\r\nContent-Length: 0\r\n\r\n")
            return
        vm = self.vms.get(parse_qs(parts.query)["ref"][0], {"power_state": "Halted"})
        if parts.path != "/console" or vm["power_state"] != "Running":
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        if self._cut("before a console"):
            return
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nCache-Control: no-cache, no-store\r\n\r\n")
        restarts = len(self.says) > 1
        sock.sendall(self.says.pop(0) if restarts else self.says[0])
        if self._cut("in a console") or restarts:
            return
        if self.ends_after_speech:
            vm["power_state"] = "Halted"
            return
        with suppress(OSError):
            sock.recv(1)

    def _stream(self, sock: ssl.SSLSocket, file: Any, method: str, target: str, headers: dict[str, str]) -> None:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "session_id" in query and headers.get("user-agent") == "p2v":
            self._breach("a session in a request line")
        if (_cookies(headers).get("session_id") or query.get("session_id")) not in self.sessions:
            sock.sendall(b"HTTP/1.1 401 Unauthorised\r\nContent-Length: 0\r\n\r\n")
            return
        if (method, parts.path) == ("GET", "/export_raw_vdi") and query.get("format") == "raw":
            self._export(sock, self.vdis[query["vdi"]])
            return
        if (method, parts.path) != ("PUT", "/import_raw_vdi") or query.get("vdi") not in self.vdis:
            self._breach(f"{method} {parts.path}")
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        if "transfer-encoding" in headers:
            self._breach("chunked HTTP is refused by XAPI")
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        if query.get("format") != "raw" or (query.get("chunked") != "true" and "content-length" not in headers):
            self._breach("neither a length nor chunk records")
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        if self.redirect_imports:
            to = f"{self.redirect_imports}{target}".encode()
            self.redirect_imports = ""
            sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\nContent-Length: 0\r\n\r\n")
            return
        if self._cut("before an import"):
            return
        if "chunked" not in query:
            # One stream of known length from the disk's beginning on, as curl sends it.
            self._whole(file, self.vdis[query["vdi"]]["data"], int(headers["content-length"]))
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        self.imports += 1
        if self.tasks.get(query["task_id"], {}).get("status") != "pending":
            self._breach("an import for a task that is not pending")
            return
        vdi, task = self.vdis[query["vdi"]], query["task_id"]
        vdi["busy"] = True
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        try:
            if not self._records(file, vdi["data"]):
                self._ended(task, "failure", "VDI_IO_ERROR", "the connection broke")
                return
            time.sleep(0.05)
            if self.damage:
                vdi["data"][0] ^= 1
            self._ended(task, "success")
        finally:
            vdi["busy"] = False

    def _whole(self, file: Any, data: bytearray, length: int) -> None:
        place = 0
        while place < length and (block := file.read(min(MIB, length - place))):
            data[place : place + len(block)] = block
            place += len(block)

    def _records(self, file: Any, data: bytearray) -> bool:
        taken = 0
        while True:
            header = file.read(12)
            if len(header) < 12:
                return False
            offset, length = struct.unpack("<QI", header)
            if (offset, length) == (0, 0):
                return not self._cut("at the end of an import")
            if length == 0 or offset + length > len(data):
                self._breach(f"a record of {length} bytes at {offset}")
                return False
            block = file.read(length)
            if len(block) < length:
                return False
            data[offset : offset + length] = block
            taken += length
            if taken > self.cut_after and self._cut("in an import"):
                return False

    def _export(self, sock: ssl.SSLSocket, vdi: dict[str, Any]) -> None:
        if self._cut("before an export"):
            return
        data = bytes(vdi["data"])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
        if self._cut("in an export"):
            sock.sendall(data[: len(data) // 2])
            return
        sock.sendall(data)


def _cookies(headers: dict[str, str]) -> dict[str, str]:
    return dict(one.strip().partition("=")[::2] for one in headers.get("cookie", "").split(";"))


def _labelled(records: dict[str, dict[str, Any]], label: str) -> list[str]:
    return [ref for ref, record in records.items() if record["name_label"] == label]


def _ref() -> str:
    return f"OpaqueRef:{uuid.uuid4()}"
