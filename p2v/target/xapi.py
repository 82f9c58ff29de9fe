"""XCP-ng and XenServer by XAPI: the login at the pool's master, its storage repositories and networks."""

from collections.abc import Sequence
from dataclasses import replace

from xeninstall.base.errors import Error, UsageError

from ..vm.model import Mode
from .address import Address
from .model import Peer, Storage, TargetError, Wanted, storage_of
from .password import Password
from .tls import Trusted
from .xapi_calls import Calls, sense
from .xapi_delivery import XapiDelivery
from .xapi_storage import repositories


class XapiTarget:
    """See Target."""

    formats: Sequence[str] = ("raw",)
    tries = True
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
        return [repository.storage for repository in repositories(self.calls)]

    def deliver(self, wanted: Wanted) -> XapiDelivery:
        """See Target. Raises Refused, RequirementError."""
        if wanted.resume or wanted.discard:
            option = "--resume" if wanted.resume else "--discard"
            raise UsageError(
                "XAPI keeps nothing of a stopped conversion", hint=f"leave {option} out: it is removed when it stops"
            )
        known = repositories(self.calls)
        chosen = storage_of(
            replace(wanted, storage=wanted.storage or self._address.place),
            [repository.storage for repository in known],
            self._address.host,
        )
        ref = next(repository.ref for repository in known if repository.storage is chosen)
        self.networks(wanted.bridges)
        delivery = XapiDelivery(self.calls, self.trusted, self.networks, self.name, wanted.name, chosen)
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
