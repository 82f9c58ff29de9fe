"""Physical to virtual: any disk of a computer becomes a virtual machine, and no byte of the source is written."""

from xeninstall import __version__

__all__ = ["__version__"]
