"""xeninstall: a Xen host from an answer file or a wizard, on a bare machine or a disk image."""

__version__ = "0.1.0"
