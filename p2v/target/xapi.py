"""XCP-ng and XenServer by XAPI: the login at the pool's master, its storage repositories and networks."""

from collections.abc import Sequence
from typing import Any

from xeninstall.base.errors import Error, UsageError

from ..vm.model import Mode
from .address import Address
from .model import Peer, Storage, TargetError, Wanted, storage_of
from .password import Password
from .tls import Trusted
from .xapi_calls import Calls, sense
from .xapi_delivery import XapiDelivery


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

    def deliver(self, wanted: Wanted) -> XapiDelivery:
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
        thick = str(record["type"]).startswith("lvm")
        delivery = XapiDelivery(self.calls, self.trusted, self.networks, self.name, wanted.name, chosen, thick)
        try:
            for number, disk in enumerate(wanted.disks):
                delivery.make(number, ref, disk.size_bytes)
        except BaseException as error:
            try:
                delivery.abort()
            except (Error, OSError):
                left = f"what had been made could not be removed: look there for {', '.join(delivery.places)}"
                said = error.message if isinstance(error, Error) else "stopped"
                raise TargetError(said, hint=left) from None
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
