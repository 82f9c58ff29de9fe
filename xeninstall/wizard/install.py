"""The flow "install": its steps in order. The start, which every flow shares, is before it."""

from .flow import Flow
from .kit import _
from .steps.host import Host
from .steps.keyboard import Keyboard
from .steps.menu import Menu

START = Flow("start", lambda: "", lambda: "", (Keyboard, Menu))

INSTALL = Flow(
    "install",
    lambda: _("Install a Xen host"),
    lambda: _("on this machine, or onto a disk image"),
    (Host,),
)
