"""XVA's `ova.xml`: an XML-RPC value with the records of a VM, its disks, its cards and their attachments. Numbers are strings."""

import datetime
import uuid
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .model import VirtualMachine, xen_name

Value = str | bool | float | xmlrpc.client.DateTime | Sequence["Value"] | Mapping[str, "Value"]
_NULL = "OpaqueRef:NULL"
_VM, _SR = "Ref:0000", "Ref:0001"


class Identity(Protocol):
    """UUIDs by their purpose, and a date: the same each time that an archive is made."""

    @property
    def time(self) -> int:
        """Seconds since 1970."""

    def uuid(self, purpose: str) -> uuid.UUID:
        """One for this purpose."""


@dataclass(frozen=True)
class Vdi:
    """One disk: its reference and its size in whole units of the storage manager."""

    ref: str
    name: str
    size_bytes: int


def ova_xml(vdis: Sequence[Vdi], vm: VirtualMachine, identity: Identity) -> bytes:
    """The whole file."""
    vbds = [f"Ref:{5000 + number:04d}" for number in range(len(vdis))]
    vifs = [f"Ref:{7000 + number:04d}" for number in range(len(vm.nics))]
    networks = {bridge: f"Ref:{8000 + number:04d}" for number, bridge in enumerate(dict.fromkeys(nic.bridge for nic in vm.nics))}
    objects: list[Value] = [_object("VM", _VM, vm_record(vm, identity, vbds, vifs)), _object("SR", _SR, _sr(identity, vdis))]
    for number, (vdi, vbd) in enumerate(zip(vdis, vbds, strict=True)):
        objects.append(_object("VDI", vdi.ref, _vdi(vdi, vbd, identity)))
        objects.append(_object("VBD", vbd, _vbd(number, vdi, identity)))
    for number, (nic, vif) in enumerate(zip(vm.nics, vifs, strict=True)):
        objects.append(_object("VIF", vif, _vif(number, nic.mac, networks[nic.bridge], identity)))
    for bridge, ref in networks.items():
        attached = [vif for nic, vif in zip(vm.nics, vifs, strict=True) if nic.bridge == bridge]
        objects.append(_object("network", ref, _network(bridge, attached, identity)))
    date = datetime.datetime.fromtimestamp(identity.time, datetime.UTC)
    version: Value = {
        "hostname": "localhost",
        "date": date.strftime("%Y-%m-%d"),
        "product_version": "8.2.0",
        "product_brand": "XCP-ng",
        "build_number": "p2v",
        "xapi_major": "1",
        "xapi_minor": "20",
        "export_vsn": "2",
    }
    # dumps() wraps a response around the value; XAPI wants the value alone.
    text = xmlrpc.client.dumps(({"version": version, "objects": objects},), methodresponse=True)
    return text[text.index("<value>") : text.rindex("</value>") + len("</value>")].encode()


def _object(kind: str, ref: str, record: Mapping[str, Value]) -> Value:
    return {"class": kind, "id": ref, "snapshot": record}


def vm_record(vm: VirtualMachine, identity: Identity, vbds: list[str], vifs: list[str]) -> dict[str, Value]:
    """A VM, with the references of its disks and cards."""
    memory, vcpus = str(vm.memory_bytes), str(vm.vcpus)
    empty_maps = "blobs blocked_operations current_operations last_boot_CPU_flags NVRAM snapshot_info VCPUs_params xenstore_data"
    empty_lists = "allowed_operations attached_PCIs children consoles crash_dumps snapshots tags VGPUs VTPMs VUSBs"
    empty_texts = (
        "domarch generation_id ha_restart_priority last_booted_record PCI_bus PV_args PV_bootloader PV_bootloader_args PV_kernel "
        "PV_legacy_args PV_ramdisk recommendations snapshot_metadata transportable_snapshot_id"
    )
    nulls = "affinity guest_metrics metrics parent resident_on snapshot_of suspend_SR suspend_VDI"
    no = (
        "ha_always_run has_vendor_device is_a_template is_control_domain is_default_template is_snapshot_from_vmpp "
        "is_vmss_snapshot"
    )
    record: dict[str, Value] = {name: {} for name in empty_maps.split()}
    record |= {name: [] for name in empty_lists.split()} | dict.fromkeys(empty_texts.split(), "")
    record |= dict.fromkeys(nulls.split(), _NULL) | dict.fromkeys(no.split(), False)
    return record | {
        "uuid": vm.uuid or str(identity.uuid("vm")),
        "name_label": vm.name,
        "name_description": vm.origin,
        "power_state": "halted",
        "domain_type": "hvm",
        "domid": "-1",
        "HVM_boot_policy": "BIOS order",
        "HVM_boot_params": {"order": "cdn", "firmware": "uefi" if vm.uefi else "bios"},
        "HVM_shadow_multiplier": 1.0,
        "platform": _platform(vm),
        "memory_static_max": memory,
        "memory_static_min": memory,
        "memory_dynamic_max": memory,
        "memory_dynamic_min": memory,
        "memory_overhead": "0",
        "memory_target": "0",
        "VCPUs_max": vcpus,
        "VCPUs_at_startup": vcpus,
        "actions_after_crash": "restart",
        "actions_after_reboot": "restart",
        "actions_after_shutdown": "destroy",
        "other_config": {"base_template_name": "Other install media", "mac_seed": str(identity.uuid("mac"))},
        "reference_label": "other-install-media",
        "requires_reboot": False,
        "hardware_platform_version": "0",
        "order": "0",
        "start_delay": "0",
        "shutdown_delay": "0",
        "user_version": "1",
        "version": "0",
        "snapshot_time": xmlrpc.client.DateTime("19700101T00:00:00Z"),
        "VBDs": vbds,
        "VIFs": vifs,
    }


def _platform(vm: VirtualMachine) -> dict[str, Value]:
    """`timeoffset` is what the virtual clock is ahead of UTC, in seconds; `viridian` shows Windows the interface of Hyper-V."""
    always: dict[str, Value] = dict.fromkeys(["acpi", "apic", "hpet", "nx", "pae"], "true")
    return always | {
        "viridian": "true" if vm.windows else "false",
        "timeoffset": str(vm.utc_offset_seconds if vm.local_time else 0),
        "secureboot": "false",
        "cores-per-socket": str(vm.cores * vm.threads),
    }


def _sr(identity: Identity, vdis: Sequence[Vdi]) -> dict[str, Value]:
    return {
        "uuid": str(identity.uuid("sr")),
        "name_label": "p2v",
        "name_description": "",
        "allowed_operations": [],
        "current_operations": {},
        "VDIs": [vdi.ref for vdi in vdis],
        "PBDs": [],
        "virtual_allocation": "0",
        "physical_utilisation": "-1",
        "physical_size": "-1",
        "type": "lvm",
        "content_type": "user",
        "shared": False,
        "other_config": {},
        "tags": [],
        "sm_config": {},
        "blobs": {},
    }


def _vdi(vdi: Vdi, vbd: str, identity: Identity) -> dict[str, Value]:
    return {
        "uuid": str(identity.uuid(f"vdi {vdi.ref}")),
        "name_label": vdi.name,
        "name_description": "",
        "allowed_operations": [],
        "current_operations": {},
        "SR": _SR,
        "VBDs": [vbd],
        "crash_dumps": [],
        "virtual_size": str(vdi.size_bytes),
        "physical_utilisation": str(vdi.size_bytes),
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": {},
        "storage_lock": False,
        "managed": True,
        "missing": False,
        "parent": _NULL,
        "xenstore_data": {},
        "sm_config": {},
        "is_a_snapshot": False,
        "snapshot_of": _NULL,
        "snapshots": [],
        "tags": [],
        "allow_caching": False,
        "on_boot": "persist",
    }


def _vbd(number: int, vdi: Vdi, identity: Identity) -> dict[str, Value]:
    return {
        "uuid": str(identity.uuid(f"vbd {number}")),
        "allowed_operations": [],
        "current_operations": {},
        "VM": _VM,
        "VDI": vdi.ref,
        "device": xen_name(number),
        "userdevice": str(number),
        "bootable": number == 0,
        "mode": "RW",
        "type": "Disk",
        "unpluggable": False,
        "storage_lock": False,
        "empty": False,
        "other_config": {},
        "currently_attached": False,
        "status_code": "0",
        "status_detail": "",
        "runtime_properties": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
        "qos_supported_algorithms": [],
        "metrics": _NULL,
    }


def _vif(number: int, mac: str, network: str, identity: Identity) -> dict[str, Value]:
    return {
        "uuid": str(identity.uuid(f"vif {number}")),
        "allowed_operations": [],
        "current_operations": {},
        "device": str(number),
        "network": network,
        "VM": _VM,
        "MAC": mac,
        "MAC_autogenerated": False,
        "MTU": "1500",
        "other_config": {},
        "currently_attached": False,
        "status_code": "0",
        "status_detail": "",
        "runtime_properties": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
        "qos_supported_algorithms": [],
        "metrics": _NULL,
        "locking_mode": "network_default",
        "ipv4_allowed": [],
        "ipv6_allowed": [],
    }


def _network(bridge: str, vifs: Sequence[str], identity: Identity) -> dict[str, Value]:
    return {
        "uuid": str(identity.uuid(f"network {bridge}")),
        "name_label": bridge,
        "name_description": "",
        "allowed_operations": [],
        "current_operations": {},
        "VIFs": list(vifs),
        "PIFs": [],
        "MTU": "1500",
        "other_config": {},
        "bridge": bridge,
        "managed": True,
        "blobs": {},
        "tags": [],
        "default_locking_mode": "unlocked",
        "assigned_ips": {},
        "purpose": [],
    }
