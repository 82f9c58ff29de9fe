"""The answer file as types: `Answers` is what the user wants, whole and free of contradictions.

One class a table, one field a key; each description is also the manual's and the wizard's. The tables live by topic in
`host`, `disks`, `access` and `network`; the rules across keys in `rules`; what kinds of value there are, in `fields`.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from .access import Hooks, Root
from .convert import Convert, Dropped, ImageFormat, NicBridge, Source, XenMode
from .disks import DiskMatch, DiskSelector, ExtraDisk, Pick, Storage, StorageType, SystemDisk
from .finish import After, Finish
from .host import Console, Hardware, Host, Keyboard, NtpMode, Packages, PackageSet, SerialPort, Time, Xen
from .network import Bond, BondMode, Dns, DnsMode, Firewall, Ipv4, Ipv4Method, Ipv6, Ipv6Method, Network
from .packs import PackSource
from .problems import dotted
from .rules import breaches
from .sections import Flow, Sections

__all__ = [
    "After",
    "Answers",
    "Bond",
    "BondMode",
    "Console",
    "Convert",
    "DiskMatch",
    "DiskSelector",
    "Dns",
    "DnsMode",
    "Dropped",
    "ExtraDisk",
    "Finish",
    "Firewall",
    "Flow",
    "Hardware",
    "Hooks",
    "Host",
    "ImageFormat",
    "Ipv4",
    "Ipv4Method",
    "Ipv6",
    "Ipv6Method",
    "Keyboard",
    "Network",
    "NicBridge",
    "NtpMode",
    "PackSource",
    "PackageSet",
    "Packages",
    "Pick",
    "Root",
    "SerialPort",
    "Source",
    "Storage",
    "StorageType",
    "SystemDisk",
    "Time",
    "Xen",
    "XenMode",
]


class Answers(Sections):
    """The whole answer file; a value of this type breaks no rule."""

    @model_validator(mode="after")
    def _breaks_no_rule(self) -> Self:
        found = breaches(self)
        if found:
            said = "\n".join(f"{dotted(breach.location)}: {breach.what}; {breach.remedy}" for breach in found)
            raise PydanticCustomError("answer", "{problem}", {"problem": said})
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A changed copy. Unlike pydantic's own it is checked like any other value."""
        return self.model_validate({**dict(self), **(update or {})})
