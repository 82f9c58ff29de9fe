"""The storage repositories of a pool: which take a disk, how large a one, and whether a disk takes its whole size at once."""

from dataclasses import dataclass
from typing import Any

from xeninstall.base.sizes import GIB

from .model import Storage
from .xapi_calls import Calls, sense

# XCP-ng's documentation (qcow2_faq): larger than VHD holds, a disk becomes a qcow2 where the storage manager can.
_MOST_BYTES = {"vhd": 2040 * GIB, "qcow2": 16381 * GIB}
# Storage managers that keep VHDs; those that know other formats say so themselves.
_FILES = ("ext", "nfs", "file", "xfs", "zfs", "smb", "cifs", "cephfs", "glusterfs", "moosefs")
_KEEP_VHDS = (*_FILES, "largeblock", "linstor", "lvm", "lvmohba", "lvmoiscsi", "lvmofcoe", "nutanix")


@dataclass(frozen=True)
class Repository:
    """One that takes a disk; `ref` is its reference."""

    storage: Storage
    ref: str


def repositories(calls: Calls) -> list[Repository]:
    """Those that are attached and take disks, in the order of their UUIDs."""
    with sense(calls.host):
        pool = next(iter(calls.call("pool.get_all_records").values()))
        attached = {pbd["SR"] for pbd in calls.call("PBD.get_all_records").values() if pbd["currently_attached"]}
        managers = {record["type"]: record for record in calls.call("SM.get_all_records").values()}
        found, names = [], set[str]()
        for ref, record in sorted(calls.call("SR.get_all_records").items(), key=lambda item: item[1]["uuid"]):
            if ref not in attached or record["content_type"] == "iso" or "vdi_create" not in record["allowed_operations"]:
                continue
            name = str(record["name_label"] if record["name_label"] not in names else record["uuid"])
            names.add(name)
            size = int(record["physical_size"])
            storage = Storage(
                name,
                str(record["type"]),
                size - int(record["physical_utilisation"]) if size > 0 else None,
                size if size > 0 else None,
                default=ref == pool["default_SR"],
                uuid=str(record["uuid"]),
                thick=_is_thick(record),
                most_bytes=_most(str(record["type"]), managers.get(record["type"], {})),
            )
            found.append(Repository(storage, ref))
    return found


def _is_thick(record: dict[str, Any]) -> bool:
    return str(record["type"]).startswith("lvm") or record["sm_config"].get("allocation") == "thick"


def _most(kind: str, manager: dict[str, Any]) -> int | None:
    told = [str(one).lower() for one in manager.get("supported_image_formats", [])]
    formats = told or (["vhd"] if kind in _KEEP_VHDS else [])
    if any(one not in _MOST_BYTES for one in formats):
        return None
    return max((_MOST_BYTES[one] for one in formats), default=None)
