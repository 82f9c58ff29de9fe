"""The tables of an answer file, each checked by itself. `model.Answers` is this and the rules that span keys."""

from enum import StrEnum

from pydantic import Field

from .access import Hooks, Root
from .convert import Convert
from .disks import Storage, SystemDisk
from .fields import Section
from .finish import Finish
from .host import Console, Hardware, Host, Keyboard, Packages, Time, Xen
from .network import Dns, Firewall, Network
from .packs import PackSource


class Flow(StrEnum):
    """What the answers are for."""

    INSTALL = "install"
    BOOTSTRAP = "bootstrap"
    CONVERT = "convert"


class Sections(Section):
    """What an answer file may hold."""

    flow: Flow = Field(
        Flow.INSTALL,
        description="install: a host onto a disk or an image. bootstrap: the running Debian becomes one, in place; what is left "
        "out stays as it is there, and no disk is touched. convert: this machine becomes a virtual machine elsewhere.",
    )
    keyboard: Keyboard = Field(Keyboard(), description="Keyboard.")
    hardware: Hardware = Field(Hardware(), description="Hardware requirements.")
    disk: SystemDisk = Field(SystemDisk(), description="System disk.")
    storage: Storage = Field(Storage(), description="VM storage.")
    packages: Packages = Field(Packages(), description="Package sets.")
    packs: tuple[PackSource, ...] = Field((), max_length=32, description="Driver and supplemental packs.")
    root: Root = Field(Root(), description="Root's login.")
    network: Network = Field(Network(), description="Management network.")
    host: Host = Field(Host(), description="Host name.")
    dns: Dns = Field(Dns(), description="Name resolution.")
    time: Time = Field(Time(), description="Time.")
    console: Console = Field(Console(), description="Consoles.")
    xen: Xen = Field(Xen(), description="Xen and dom0.")
    firewall: Firewall = Field(Firewall(), description="Firewall.")
    hooks: Hooks = Field(Hooks(), description="Hooks.")
    finish: Finish = Field(Finish(), description="The end.")
    convert: Convert = Field(Convert(), description="Conversion.")


# What only a host that is installed has; the other tables are of every flow.
INSTALLATION = ("hardware", "disk", "storage", "packages", "packs", "root", "host", "time", "console", "xen", "firewall")
