"""What a system asks of its virtual machine, laid over the machine that the inventory gave."""

from dataclasses import asdict, replace

from ..vm.model import VirtualMachine
from .model import Traits


def with_traits(vm: VirtualMachine, traits: Traits | None) -> VirtualMachine:
    """As its system wants it: the medium may have been started otherwise than the system itself."""
    return vm if traits is None else replace(vm, **asdict(traits))
