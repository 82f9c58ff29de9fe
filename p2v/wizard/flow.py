"""The flow "convert": its steps in order. The start, with the keyboard, is the installer's own."""

from xeninstall.wizard.flow import Flow
from xeninstall.wizard.kit import _

from .steps.cards import Cards
from .steps.done import Converted
from .steps.machine import VirtualMachineStep
from .steps.network import SourceAddress, SourceNetwork
from .steps.options import Options
from .steps.progress import Converting
from .steps.review import ConvertReview
from .steps.source import Source
from .steps.target import TargetPlace
from .steps.verdicts import Verdicts

CONVERT = Flow(
    "convert",
    lambda: _("Convert this machine (P2V)"),
    lambda: _("its systems become a virtual machine elsewhere; its disks are only read"),
    (
        SourceNetwork,
        SourceAddress,
        Source,
        TargetPlace,
        VirtualMachineStep,
        Cards,
        Options,
        Verdicts,
        ConvertReview,
        Converting,
        Converted,
    ),
    ConvertReview,
    lambda: _("Convert"),
)
