"""A Debian under its own systemd in a container, with one card on a wire to a router of the test's, which also gives leases."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.p2v.disks import run

from .bootstrap_guest import REPOSITORY, Variant, make_root

SPACE, OUTSIDE, MAC = "xi-boot", "xi-boot0", "52:54:00:c0:ff:ee"
NETWORK = "198.51.100"

Roots = Callable[[int], Path]  # the folder of a Debian: `root`, and `key` for its SSH


@contextmanager
def made_roots(folder: Path) -> Iterator[Roots]:
    """Each Debian once, to be laid below its containers."""
    made: dict[int, Path] = {}

    def root(number: int) -> Path:
        if number not in made:
            place = folder / str(number)
            place.mkdir()
            inside = make_root(place, Variant(f"debian{number}", number, "", {}))
            program = REPOSITORY / "tests/system/contained_network.py"
            (inside / "opt/xeninstall/contained_network.py").write_text(program.read_text())
            (inside / "srv/debs/Packages").touch()  # the archive is empty here
            made[number] = place
        return made[number]

    try:
        yield root
    finally:
        for place in made.values():
            run("rm", "-rf", "--one-file-system", place)


@contextmanager
def contained(roots: Roots, variant: Variant, folder: Path) -> Iterator["Container"]:
    """This variant, started; what it writes lies in `folder` until the end."""
    below, root = roots(variant.debian), folder / "root"
    for name in ("root", "written", "work"):
        (folder / name).mkdir()
    run("mount", "-t", "overlay", "-o", f"lowerdir={below}/root,upperdir={folder}/written,workdir={folder}/work", "overlay", root)
    try:
        for path, text in variant.files.items():
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o600 if "netplan" in path else 0o644)
        for unit in variant.enable:
            run("chroot", root, "systemctl", "enable", unit)
        container = Container(root, folder / "log", below / "key")
        try:
            container.boot()
            yield container
        finally:
            container.kill()
    finally:
        run("umount", root)
        run("rm", "-rf", "--one-file-system", folder / "written", folder / "work")


class Container:
    """Runs until it is killed. `key` is for its SSH; its output goes to `log`, beside the router's leases."""

    def __init__(self, root: Path, log: Path, key: Path) -> None:
        self._root, self._log, self.key = root, log, key
        self._started: list[subprocess.Popen[bytes]] = []

    def boot(self) -> None:
        """Start it on a new wire, and wait for its address."""
        run("ip", "netns", "add", SPACE)
        run("ip", "link", "add", OUTSIDE, "type", "veth", "peer", "name", "eth0", "netns", SPACE, "address", MAC)
        run("ip", "address", "add", f"{NETWORK}.1/24", "dev", OUTSIDE)
        run("ip", "link", "set", OUTSIDE, "up")
        leases = (f"--dhcp-range={NETWORK}.100,{NETWORK}.150,1h", f"--dhcp-leasefile={self._log.parent}/leases")
        alone = ("--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-interfaces", "--pid-file=")
        router = subprocess.Popen(["dnsmasq", *alone, f"--interface={OUTSIDE}", *leases], start_new_session=True)
        self._started.append(router)
        argv = ["systemd-nspawn", "-q", "-D", str(self._root), "--boot", "--register=no", "--keep-unit", "--console=pipe"]
        argv += ["--machine=rented", "--capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYS_ADMIN"]
        # As on a machine; dhcpcd gives up where it cannot write below /proc/sys/net.
        writable = os.environ | {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(
                [*argv, f"--network-namespace-path=/run/netns/{SPACE}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=writable,
            )
        self._started.append(self._nspawn)
        self.until(lambda: bool(self.addresses()), "it has an address")

    def kill(self) -> None:
        """As if its plug were pulled."""
        for process in self._started:
            for child in self._children(process.pid):
                os.kill(child, signal.SIGKILL)
            process.kill()
            process.wait()
        self._started.clear()
        subprocess.run(["ip", "link", "delete", OUTSIDE], capture_output=True)
        deadline = time.monotonic() + 30
        while Path("/run/netns", SPACE).exists():  # busy for a moment where a mount namespace that ends still has it
            assert time.monotonic() < deadline, f"the network namespace {SPACE} cannot be deleted"
            subprocess.run(["ip", "netns", "delete", SPACE], capture_output=True)
            time.sleep(0.1)

    def run(self, *argv: str, timeout: float = 200) -> tuple[str, int]:
        """Run a program inside; its output and its status."""
        if not self._children(self._nspawn.pid):
            return "", 255
        done = subprocess.run(self._inside(argv), capture_output=True, text=True, timeout=timeout)
        return done.stdout + done.stderr, done.returncode

    def start(self, *argv: str) -> None:
        """Start a program inside, which ends with the container."""
        subprocess.Popen(self._inside(argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _inside(self, argv: tuple[str, ...]) -> list[str]:
        init = self._children(self._nspawn.pid)
        enter = ["nsenter", "-t", str(init[0]), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "PYTHONPATH=/opt/xeninstall"]
        return [*enter, *clean, *argv]

    def move(self, seconds: int, toml: str = "") -> tuple[str, int]:
        """Change its network as bootstrap does."""
        return self.run("python3", "/opt/xeninstall/contained_network.py", str(seconds), toml)

    def addresses(self) -> dict[str, str]:
        """IPv4 addresses by interface."""
        said, _ = self.run("ip", "-4", "-o", "address", "show", "scope", "global")
        return dict(re.findall(r"^[0-9]+: (\S+) +inet (\S+)", said, re.MULTILINE))

    def until(self, so: Callable[[], bool], what: str) -> None:
        """Wait for it; the computer may have much else to do."""
        deadline = time.monotonic() + 300
        while not so():
            assert time.monotonic() < deadline, f"not seen: {what}\n{self._log.read_text(errors='replace')[-2000:]}"
            time.sleep(1)

    def has(self, addresses: dict[str, str]) -> None:
        """Wait until these are its addresses. While a bridge gets its port, it loses them for a moment."""
        self.until(lambda: self.addresses() == addresses, f"{addresses}")

    def reaches(self, address: str) -> None:
        """Wait for an answer. A lease that systemd-networkd asks for once more is away for a moment."""
        self.until(lambda: self.run("ping", "-c", "1", "-W", "3", address)[1] == 0, f"{address} answers")

    def clients(self) -> set[str]:
        """The DHCP clients of ifupdown that run."""
        return set(self.run("ps", "-o", "comm=", "-C", "dhclient,dhcpcd")[0].split())

    @staticmethod
    def _children(pid: int) -> list[int]:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(word) for word in children.read_text().split()] if children.exists() else []
