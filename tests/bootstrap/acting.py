"""A server that does what it is told: packages become installed, GRUB keeps its variables, the bridge gets the address."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from xeninstall.base.events import Event
from xeninstall.base.run import Completed
from xeninstall.bootstrap.execute import Surroundings, execute, go_back_if_half_way, new_journal
from xeninstall.bootstrap.model import BootstrapPlan
from xeninstall.bootstrap.packages import NO_RECOMMENDS
from xeninstall.bootstrap.places import TRIAL
from xeninstall.machine.model import Machine

from .server import ADDRESS, GATEWAY, INDEX, MAC, PACKAGES, WITH_XEN, Server

Play = Callable[[tuple[str, ...]], Completed | None]


class Killed(BaseException):
    """As if the power went: nothing of ours runs after it."""


class Acting(Server):
    """`stop_at` is the number of the command at which it is interrupted, by `how`."""

    def __init__(self, root: Path, system: str = "ifupdown", *, dhcp: bool = False) -> None:
        super().__init__(root, system, dhcp=dhcp)
        self.dhcp = dhcp
        self.stop_at = 0
        self.how: type[BaseException] = KeyboardInterrupt
        self.count = 0
        self.events: list[Event] = []
        self.works = True  # does the new network reach the gateway?
        self.shell.play = self.act
        (root / "var/lib").mkdir(parents=True, exist_ok=True)

    def bootstrap(self, toml: str = "") -> BootstrapPlan:
        """A whole run, from the look to the end."""
        go_back_if_half_way(self.shell, self.events.append, self.root)
        plan = self.plan(toml)
        execute(plan, new_journal(plan), Surroundings(self.shell, self.events.append, 60, None, self.root))
        return plan

    def under_xen(self) -> Machine:
        """The machine after a reboot that worked; the service has made Xen the default."""
        self.grubenv("saved_entry", self._once or "")
        self.grubenv("next_entry", None)
        (self.root / "var/lib/xeninstall/bootstrap/xen-awaited").unlink()
        found = self.machine()
        return found.model_copy(update={"kernel": found.kernel.model_copy(update={"under_xen": True})})

    def tree(self) -> dict[str, str]:
        """What the run is about: configuration, and GRUB's variables."""
        texts = {str(path.relative_to(self.root)): path.read_text(errors="replace") for path in self._etc()}
        return texts | {"grubenv": (self.root / "boot/grub/grubenv").read_text()}

    def _etc(self) -> list[Path]:
        return [path for path in sorted((self.root / "etc").rglob("*")) if path.is_file() and not path.is_symlink()]

    _once: str | None = None

    def grubenv(self, key: str, value: str | None) -> None:
        """Set or drop one of GRUB's variables."""
        place = self.root / "boot/grub/grubenv"
        lines = [line for line in place.read_text().splitlines() if not line.startswith(f"{key}=")]
        place.write_text("\n".join([*lines, *([f"{key}={value}"] if value is not None else [])]) + "\n")

    def act(self, argv: tuple[str, ...]) -> Completed | None:
        """What a command does here."""
        self.count += 1
        if self.count == self.stop_at:
            raise self.how
        done = Completed(argv, 0, "", "")
        place = self.root / TRIAL[1:]
        match argv:
            case ("systemd-run", *_) if "install" in argv and "--download-only" not in argv:
                self.installed("openssh-server", "iputils-ping", *PACKAGES, *argv[argv.index(NO_RECOMMENDS) + 1 :])
            case ("systemd-run", *_, script) if script.endswith("/switch"):
                (place / "switched").touch()
                self._switched()
            case ("systemd-run", *_, "/bin/sh", script) if script.endswith("/undo"):
                self.undo()
            case ("update-grub",):
                self.file("/boot/grub/grub.cfg", WITH_XEN)
            case ("grub-set-default", entry):
                self.grubenv("saved_entry", entry)
            case ("grub-reboot", entry):
                self._once = entry
                self.grubenv("next_entry", entry)
            case ("ip", "-j", "address", "show", "dev", "xenbr0"):
                found = {"family": "inet", "local": self._address(), "scope": "global"}
                return Completed(argv, 0, json.dumps([{"addr_info": [found]}]), "")
            case ("ip", "-j", "-4", "route", "show", "default", "dev", "xenbr0"):
                return Completed(argv, 0, json.dumps([{"gateway": GATEWAY}]), "")
            case ("ping", *_):
                return Completed(argv, 0 if self.works else 1, "", "")
            case ("systemctl", "is-active", *_) | ("systemctl", "is-enabled", *_):
                return Completed(argv, 3, "inactive\n", "")
            case ("chpasswd", "--encrypted"):
                secret = (self.shell.stdin[-1] or b"").decode().partition(":")[2].strip()
                self.file("/etc/shadow", f"root:{secret}:19000:0:99999:7:::\n")
            case _:
                pass
        return done

    def _address(self) -> str:
        text = (self.root / "etc/systemd/network/00-xeninstall-30-xenbr0.network").read_text()
        found = re.search(r"^Address=([0-9.]+)/", text, re.MULTILINE)
        return found[1] if found else ADDRESS

    def _switched(self) -> None:
        entries = [{"family": "inet", "local": ADDRESS, "prefixlen": 24, "scope": "global", "dynamic": self.dhcp}]
        routes = [{"dst": "default", "gateway": GATEWAY, "dev": "xenbr0", "protocol": "dhcp" if self.dhcp else "static"}]
        self.link_state("xenbr0", entries, routes, linkinfo={"info_kind": "bridge"}, ifindex=INDEX + 7, address=MAC)

    def undo(self) -> None:
        """The way back, by its own script."""
        go_back(self.root)
        self.network(self.system, self.dhcp)


def go_back(root: Path) -> str:
    """Run the script of a change below `root`, with programs that only say that they were called; returns what they were."""
    tools, called = root / "stand-ins", root / "called"
    tools.mkdir(exist_ok=True)
    called.touch()
    for name in ("systemctl", "networkctl", "ip", "ifup", "nmcli", "netplan", "nft", "sync"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> {called}\n')
        tool.chmod(0o755)
    path = f"{tools}:/usr/bin:/bin"
    done = subprocess.run(["/bin/sh", f"{root}{TRIAL}/undo"], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return called.read_text()
