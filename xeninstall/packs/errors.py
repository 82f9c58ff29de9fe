"""What can be wrong with a pack."""

from xeninstall.base.errors import Error, RequirementError


class PackError(Error):
    """A pack that cannot be used as it is."""


class WrongKernel(RequirementError):
    """The pack's modules are for another kernel."""
