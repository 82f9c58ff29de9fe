"""The network's part of a plan: the address moves onto the bridge, as it is or as the answers want it, on trial."""

from pydantic import BaseModel

from xeninstall.answers.model import Answers, Ipv4Method
from xeninstall.machine.model import Machine, Nic
from xeninstall.plan import identity, network
from xeninstall.plan.model import MakeLink, Remove, WriteFile
from xeninstall.plan.wanted import Host

from .management import effective, files
from .model import BootstrapAction, FileChange, TryNetwork
from .pending import pending
from .present import Present
from .takeover import FIREWALL, release, switch_script, way_back

DNSMASQ = ("/etc/dnsmasq.d/xeninstall.conf", "/etc/default/dnsmasq")  # written before it is installed


class Moving:
    """The network's part: what this host will have, and whether that is so already."""

    def __init__(self, answers: Answers, machine: Machine, present: Present, nics: tuple[Nic, ...]) -> None:
        self.present, self.answers = present, answers
        uplink = present.uplink
        self.moved = uplink is not None and uplink.name == network.BRIDGE
        self.before = present.kept if self.moved else uplink
        self.dns_given = bool(answers.dns.model_fields_set)
        made = effective(answers.network, self.before, dns_kept=not self.dns_given)
        # Not through the answers' own rules: an address that works needs no judgement.
        self.beyond = made.beyond
        changes: dict[str, object] = {"network": made.network}
        named = "name" in answers.host.model_fields_set
        if not named and present.hostname:
            label, _, domain = present.hostname.partition(".")
            changes["host"] = answers.host.model_copy(update={"name": label, "domain": answers.host.domain or domain or None})
        self.host = Host(BaseModel.model_copy(answers, update=changes), machine, nics)
        self.released = release(present.look, uplink) if uplink is not None and not self.moved else None
        self.warnings = (*(self.released.warnings if self.released else ()), *self._about_lease(), *self._about_dns())

    def _about_lease(self) -> tuple[str, ...]:
        uplink, kept = self.present.uplink, "ipv4" not in self.answers.network.model_fields_set
        if self.moved or uplink is None or uplink.client is not None or not kept or not uplink.ipv4.automatic:
            return ()
        why = f"how {uplink.name} names itself to the DHCP server is not known: {network.BRIDGE} may get another address"
        return (f"{why}; have the server reserve one for {uplink.mac}, or answer with a static address",)

    def _about_dns(self) -> tuple[str, ...]:
        look, kept = self.present.look, self.before
        follows = self.dns_given or "/systemd/resolve/" in look.place("/etc/resolv.conf")
        if self.moved or follows or kept is None or not kept.ipv4.automatic:
            return ()
        return ("the DNS servers stay those that /etc/resolv.conf has now; with a [dns] table they follow DHCP",)

    @property
    def address(self) -> str:
        """In words, for the end of the run."""
        ipv4, kept = self.host.answers.network.ipv4, "ipv4" not in self.answers.network.model_fields_set
        return f"{ipv4.address or 'by DHCP'}{', as before' if kept else ''}"

    def actions(self) -> tuple[BootstrapAction, ...]:
        """The change on trial, or nothing where it is so already."""
        given = {"ipv4", "ipv6", "nic", "bond", "vlan", "mtu"} & self.answers.network.model_fields_set
        if self.moved and self.before is None and not given:
            return ()  # a bridge that somebody else has made; its addresses are fine
        look, uplink = self.present.look, self.present.uplink
        changes: list[FileChange] = [*files(self.host, self.beyond), *(self.released.files if self.released else ())]
        changes += self._resolver() + self._firewall()
        left = tuple(change for change in pending(changes, look) if isinstance(change, WriteFile | MakeLink | Remove))
        if not left or uplink is None:
            return ()
        firewall = any(change.path == FIREWALL for change in left)
        cards = tuple(nic.name for nic in self.host.nics)
        ipv4 = self.host.answers.network.ipv4
        kept4 = self.before.ipv4 if self.before and "ipv4" not in self.answers.network.model_fields_set else None
        addresses = tuple(address.split("/")[0] for address in (kept4.addresses if kept4 else (ipv4.address,)) if address)
        undo, undo_at_boot = way_back(uplink, cards, firewall=firewall)
        return (
            TryNetwork(
                files=left,
                switch=switch_script(uplink, cards, resolved=self.dns_given, firewall=firewall),
                undo=undo,
                undo_at_boot=undo_at_boot,
                gateway=(kept4.gateway if kept4 else ipv4.gateway) or "",
                addresses=addresses,
                leased=ipv4.method is Ipv4Method.DHCP,
                kept=None if self.moved else self.before,
            ),
        )

    def _resolver(self) -> list[FileChange]:
        if self.dns_given:
            found = [action for action in network.resolver(self.host) if isinstance(action, WriteFile | MakeLink | Remove)]
            return [action for action in found if action.path not in DNSMASQ]
        look = self.present.look
        place = look.path("/etc/resolv.conf")
        if self.moved or not place.is_symlink() or "/systemd/resolve/" in look.place("/etc/resolv.conf"):
            return []
        # Whoever writes what the link leads to will not know the card any more.
        text = look.text("/etc/resolv.conf") or ""
        return [WriteFile(path="/etc/resolv.conf", text=text)] if text else []

    def _firewall(self) -> list[FileChange]:
        if not self.answers.firewall.model_fields_set:
            return []
        ports = tuple(f"tcp/{port}" for port in self.present.ssh_ports if port != 22)
        opened = self.answers.firewall.model_copy(update={"open": tuple(dict.fromkeys((*ports, *self.answers.firewall.open)))})
        host = Host(BaseModel.model_copy(self.host.answers, update={"firewall": opened}), self.host.machine, self.host.nics)
        return [action for action in identity.firewall(host) if isinstance(action, WriteFile | MakeLink | Remove)]
