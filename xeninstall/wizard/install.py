"""The flows "install" and "load a pack": their steps in order. The start, which every flow shares, is before them."""

from .flow import Flow
from .kit import _
from .steps.address import Address
from .steps.disk import Disk
from .steps.dns import Dns
from .steps.done import Done
from .steps.hardware import Hardware
from .steps.host import Host
from .steps.keyboard import Keyboard
from .steps.load_pack import LoadPack
from .steps.menu import Menu
from .steps.network import Network
from .steps.pack import FindPack
from .steps.packages import Packages
from .steps.packs import Packs
from .steps.progress import Installing
from .steps.review import Review
from .steps.root import Root
from .steps.time import Time
from .steps.zone import TimeZone

START = Flow("start", lambda: "", lambda: "", (Keyboard, Menu))

INSTALL = Flow(
    "install",
    lambda: _("Install a Xen host"),
    lambda: _("a Debian host with Xen, onto a disk of this machine or into an image file"),
    (Hardware, Disk, Packages, Packs, Root, Network, Address, Host, Dns, TimeZone, Time, Review, Installing, Done),
    Review,
)

LOAD = Flow(
    "load",
    lambda: _("Load a driver or pack"),
    lambda: _("from a stick, a disc or the network; then this menu again"),
    (FindPack, LoadPack),
)
