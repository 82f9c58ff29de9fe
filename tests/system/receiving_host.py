"""An installed host that takes machines from elsewhere: under Xen in QEMU, a thin pool, its SSH on a port of this machine."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .answer_files import STATIC, answers
from .qemu import PLAIN, Disk, Machine, UserNet, free_port
from .remote import Remote

POOL = "xenvms/vms"
GUEST_ADDRESS = "192.0.2.77"
_ADDRESS = "192.0.2.10"
_BOOT_SECONDS = 600


@dataclass(frozen=True)
class ReceivingHost:
    """The host while it runs; `key` lets root in on `port`."""

    machine: Machine
    remote: Remote
    fingerprint: str  # of its SSH key

    @property
    def port(self) -> int:
        """Where its SSH is, on this machine."""
        return self.remote.port

    @property
    def key(self) -> Path:
        """The private key."""
        return self.remote.key

    def domains(self) -> list[str]:
        """The guests that are there."""
        return [line.split()[0] for line in self.remote.check("xl list").splitlines()[2:]]

    def has_started(self, name: str, mac: str) -> None:
        """The guest runs from its volume, with its old address behind its old card; of its trial nothing stays."""
        assert self.domains() == [name]
        volumes = self.volumes()
        assert f"{name}-disk0" in volumes and not [one for one in volumes if "trial" in one]
        answers = f"ping -c 1 -W 5 {GUEST_ADDRESS}"
        self.remote.check(f"for t in $(seq 90); do {answers} >/dev/null && exit 0; sleep 2; done; exit 1", 900)
        assert mac in self.remote.check(f"ip neigh show {GUEST_ADDRESS} dev xenbr0")

    def remove(self, name: str) -> None:
        """So that the next one may have its address."""
        self.remote.check(f"xl destroy {name}; rm /etc/xen/{name}.cfg; lvremove -y xenvms/{name}-disk0", 120)

    def volumes(self) -> list[str]:
        """The volumes in its group."""
        return sorted(self.remote.check("lvs --noheadings -o lv_name xenvms").split())


@contextmanager
def receiving_host(installed: Callable[[str], Path], place: Path) -> Iterator[ReceivingHost]:
    """Install it, start it under Xen, and wait until its pool is there."""
    key = place / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    text = answers(storage='type = "thin"', rest=STATIC)
    text = text.replace("[root]\n", f'[root]\nssh_keys = ["{key.with_suffix(".pub").read_text().strip()}"]\n')
    image, port = installed(text), free_port()
    nic = UserNet("52:54:00:00:00:0a", forwards=(f"tcp:127.0.0.1:{port}-{_ADDRESS}:22",))
    with Machine([Disk(image)], nics=[nic], memory_mib=4096, processor=PLAIN, name="receiving-host") as machine:
        remote = Remote(port, key)
        remote.wait(machine.console, _BOOT_SECONDS)
        remote.check("systemctl is-system-running --wait || :", _BOOT_SECONDS)
        remote.check(f"lvs {POOL}")
        shown = remote.check("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
        yield ReceivingHost(machine, remote, shown)
