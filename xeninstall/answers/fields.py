"""The kinds of value an answer can have: each refuses what it is not, and says what would do."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from xeninstall.base.errors import UsageError
from xeninstall.base.sizes import parse_size


class Section(BaseModel):
    """A table of the answer file: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def wrong(what: str, remedy: str) -> PydanticCustomError:
    """A refusal in the words the user sees: what is wrong, and what to do."""
    return PydanticCustomError("answer", "{problem}", {"problem": f"{what}; {remedy}"})


@dataclass(frozen=True)
class Like:
    """Text that must match a pattern as a whole; refuses in words, since a pattern explains nothing to a reader."""

    pattern: str
    what: str
    remedy: str

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Checks after the type itself was found right."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Editors check the pattern while one types."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value, re.ASCII) is None:
            raise wrong(f"{value[:60]!r} is not {self.what}", self.remedy)
        return value


def _text(value: str) -> str:
    if not 0 < len(value) <= 200:
        raise wrong("empty" if not value else f"{len(value)} characters are too many", "write 1 to 200 characters")
    if not value.isprintable():
        raise wrong("holds a line break or another control character", "write plain text on one line")
    return value


Text = Annotated[str, AfterValidator(_text)]  # a name or a path, on one line

_SIZE_MAXIMUM_BYTES = 2**60


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong("not a size", 'write it as a string such as "16G"')
    if isinstance(value, str):
        try:
            value = parse_size(value)
        except UsageError as error:
            raise wrong(error.message, error.hint) from None
    if not 0 <= value <= _SIZE_MAXIMUM_BYTES:
        raise wrong("less than nothing" if value < 0 else "more than any disk or memory", 'write a size such as "16G"')
    return value


def _size_or_auto(value: object) -> int | str:
    return "auto" if value == "auto" else _size(value)


_SIZE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,3})?[ ]*[KMGTkmgt]?([Ii]?[Bb])?$", "examples": ["16G", "512M"]},
        {"type": "integer", "minimum": 0},
    ]
}
SizeBytes = Annotated[int, BeforeValidator(_size), WithJsonSchema(_SIZE_SCHEMA)]
SizeOrAuto = Annotated[
    int | Literal["auto"],
    BeforeValidator(_size_or_auto),
    WithJsonSchema({"anyOf": [{"const": "auto"}, *_SIZE_SCHEMA["anyOf"]]}),
]


def _count_or_auto(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("neither a whole number nor auto", 'write a number such as 4, or "auto"')
    if not 1 <= value <= 512:
        raise wrong("too small" if value < 1 else "too large", 'write a number from 1 to 512, or "auto"')
    return value


CountOrAuto = Annotated[
    int | Literal["auto"],
    BeforeValidator(_count_or_auto),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": 512}]}),
]


def _moment(value: object) -> object:
    # A number or a bare date would pass for a time in pydantic's eyes; the clock of a machine deserves the whole of it.
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise wrong("not a date-time with its offset", "write it without quotes, like 2026-11-23T20:15:00+01:00")
    return value


Moment = Annotated[datetime, BeforeValidator(_moment)]

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)


def _host_label(value: str) -> str:
    if _LABEL.fullmatch(value) is None:
        raise wrong(
            f"{value[:70]!r} is not a host name",
            "use 1 to 63 letters, digits and hyphens, without a hyphen at either end (RFC 1123)",
        )
    if value.isdigit():
        raise wrong(f"{value!r} has only digits and reads as a number", "put a letter into the host name")
    return value.lower()


def _domain(value: str) -> str:
    if len(value) > 253 or not all(_LABEL.fullmatch(part) for part in value.split(".")):
        raise wrong(f"{value[:70]!r} is not a domain name", "use labels of letters, digits and hyphens joined by dots")
    return value.lower()


HostLabel = Annotated[str, AfterValidator(_host_label)]
Domain = Annotated[str, AfterValidator(_domain)]


def _unscoped(value: str) -> str:
    # Python takes fe80::1%eth0; where answers are written nobody knows the installed host's interface names.
    if "%" in value:
        raise ValueError(value)
    return value


def _server(value: str) -> str:
    try:
        return str(ipaddress.ip_address(_unscoped(value)))
    except ValueError:
        return _domain(value)


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(_unscoped(value)))
    except ValueError:
        raise wrong(f"{value[:50]!r} is not an IP address", "write it like 192.0.2.53 or 2001:db8::53") from None


def _interface4(value: str) -> str:
    try:
        interface = ipaddress.IPv4Interface(value)
    except ValueError:
        raise wrong(f"{value[:50]!r} is not an IPv4 address with its prefix", "write it like 192.0.2.10/24") from None
    if "/" not in value:
        raise wrong(f"{value!r} lacks the prefix length", f"write it like {value}/24")
    if interface.network.prefixlen < 8:
        raise wrong(f"{value} has a prefix shorter than 8", "give the prefix length of the subnet, such as /24")
    if interface.ip.is_multicast or interface.ip.is_loopback or interface.ip.is_unspecified:
        raise wrong(f"{value} cannot be a host's address", "give the address that this host shall have")
    if interface.network.prefixlen < 31:
        if interface.ip == interface.network.network_address:
            raise wrong(f"{value} is the address of the network itself", "give the address of this host in it")
        if interface.ip == interface.network.broadcast_address:
            raise wrong(f"{value} is the broadcast address of its network", "give the address of this host in it")
    return str(interface)


def _interface6(value: str) -> str:
    try:
        interface = ipaddress.IPv6Interface(_unscoped(value))
    except ValueError:
        raise wrong(f"{value[:60]!r} is not an IPv6 address with its prefix", "write it like 2001:db8::10/64") from None
    if "/" not in value:
        raise wrong(f"{value!r} lacks the prefix length", f"write it like {value}/64")
    if interface.network.prefixlen < 16:
        raise wrong(f"{value} has a prefix shorter than 16", "give the prefix length of the subnet, such as /64")
    if interface.ip.is_multicast or interface.ip.is_loopback or interface.ip.is_unspecified:
        raise wrong(f"{value} cannot be a host's address", "give the address that this host shall have")
    if interface.network.prefixlen < 127 and interface.ip == interface.network.network_address:
        raise wrong(f"{value} is the subnet-router anycast address", "give the address of this host in it")
    return str(interface)


def _gateway4(value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise wrong(f"{value[:50]!r} is not an IPv4 address", "write it like 192.0.2.1") from None


def _gateway6(value: str) -> str:
    try:
        return str(ipaddress.IPv6Address(_unscoped(value)))
    except ValueError:
        raise wrong(f"{value[:60]!r} is not an IPv6 address", "write it like 2001:db8::1 or fe80::1") from None


Server = Annotated[str, AfterValidator(_server)]
Address = Annotated[str, AfterValidator(_address)]
Interface4 = Annotated[str, AfterValidator(_interface4)]
Interface6 = Annotated[str, AfterValidator(_interface6)]
Gateway4 = Annotated[str, AfterValidator(_gateway4)]
Gateway6 = Annotated[str, AfterValidator(_gateway6)]

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def _mac(value: str) -> str:
    mac = value.lower().replace("-", ":")
    if _MAC.fullmatch(mac) is None:
        raise wrong(f"{value[:30]!r} is not a MAC address", "write it like 52:54:00:12:34:56")
    if int(mac[:2], 16) & 1:
        raise wrong(f"{mac} is a multicast address", "give the MAC address of a network card")
    return mac


def _nic_name(value: str) -> str:
    # The kernel allows more (dev_valid_name), but udev makes no other names and unit files would need quoting for them.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", value) or value in (".", "..", "all", "default", "auto"):
        raise wrong(f"{value[:30]!r} is not an interface name", "write it like eno1; `xeninstall probe` lists them")
    return value


MacAddress = Annotated[str, AfterValidator(_mac)]
NicName = Annotated[str, AfterValidator(_nic_name)]


def _nic(value: str) -> str:
    return _mac(value) if ":" in value or value.count("-") == 5 else _nic_name(value)


def _nic_or_auto(value: str) -> str:
    return value if value == "auto" else _nic(value)


Nic = Annotated[str, AfterValidator(_nic)]  # a name or a MAC address
NicOrAuto = Annotated[str, AfterValidator(_nic_or_auto)]

_KEY_TYPES = "ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh.com|sk-ecdsa-sha2-nistp256@openssh.com"
_SSH_KEY = re.compile(rf"({_KEY_TYPES}) [A-Za-z0-9+/]{{40,}}={{0,3}}( [^\r\n]*)?")


def _ssh_key(value: str) -> str:
    if "PRIVATE KEY" in value:
        raise wrong("this is a private key", "give the public half, the .pub file's one line")
    key = value.strip()
    if _SSH_KEY.fullmatch(key) is None or not key.isprintable() or len(key) > 20000:
        raise wrong("not an OpenSSH public key", "paste the one line of the .pub file: ssh-ed25519 AAAA… comment")
    return key


def is_ssh_key(value: str) -> bool:
    """Whether this line is an OpenSSH public key without options before it."""
    return _SSH_KEY.fullmatch(value) is not None


SshKey = Annotated[str, AfterValidator(_ssh_key)]

_CRYPT = re.compile(r"\$(y|gy|7|6|5|2[aby])\$[A-Za-z0-9./$=,]{20,400}")


def check_password_hash(value: str) -> str:
    """A crypt(5) hash of a kind worth trusting, or `!` for no password; raises `wrong` without repeating the value."""
    if value in ("!", "*"):
        return "!"
    if _CRYPT.fullmatch(value) is None:
        raise wrong(
            "not a password hash that Debian accepts",
            "make one with `openssl passwd -6` or mkpasswd, or use password_file",
        )
    return value


def strict_bool(value: Any) -> Any:  # noqa: ANN401 — pydantic hands over whatever stood there
    """TOML has true and false; "yes", 1 and "false" are mistakes that must not pass for an answer."""
    if not isinstance(value, bool):
        raise wrong("neither true nor false", "write true or false, without quotes")
    return value


Flag = Annotated[bool, BeforeValidator(strict_bool)]
