"""A Windows system as values: what is known of it, its registry as far as repairs read it, and what they want changed."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# winnt.h: REG_*
SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ = 1, 2, 3, 4, 7


@dataclass(frozen=True)
class Value:
    """A registry value: its type's number and its bytes."""

    type: int
    data: bytes

    @classmethod
    def of(cls, value: int | str | list[str] | bytes, *, expand: bool = False) -> "Value":
        """A number as REG_DWORD, text as REG_SZ or REG_EXPAND_SZ, a list as REG_MULTI_SZ, bytes as REG_BINARY."""
        match value:
            case int():
                return cls(DWORD, struct.pack("<I", value))
            case str():
                return cls(EXPAND_SZ if expand else SZ, f"{value}\0".encode("utf-16-le"))
            case bytes():
                return cls(BINARY, value)
            case _:
                return cls(MULTI_SZ, ("".join(f"{item}\0" for item in value) + "\0").encode("utf-16-le"))

    @property
    def number(self) -> int | None:
        """A REG_DWORD's value."""
        return int(struct.unpack("<I", self.data)[0]) if self.type == DWORD and len(self.data) == 4 else None

    @property
    def text(self) -> str:
        """A string's."""
        return self.data.decode("utf-16-le", "replace").split("\0")[0] if self.type in (SZ, EXPAND_SZ) else ""

    @property
    def texts(self) -> list[str]:
        """A REG_MULTI_SZ's."""
        return [part for part in self.data.decode("utf-16-le", "replace").split("\0") if part] if self.type == MULTI_SZ else []


class Registry:
    """Keys of one hive, by their paths without a leading backslash; names are found whatever their case."""

    def __init__(self, keys: Mapping[str, Mapping[str, Value]]) -> None:
        self._keys = {path.lower(): {name.lower(): value for name, value in values.items()} for path, values in keys.items()}
        self._names = {path.lower(): path for path in keys}

    def has(self, path: str) -> bool:
        """Whether there is such a key."""
        return path.lower() in self._keys

    def value(self, path: str, name: str) -> Value | None:
        """A value; the name of a key's default value is empty."""
        return self._keys.get(path.lower(), {}).get(name.lower())

    def children(self, path: str) -> list[str]:
        """The names of the keys right below."""
        start = f"{path.lower()}\\" if path else ""
        return [
            name.rsplit("\\", 1)[-1]
            for low, name in self._names.items()
            if low.startswith(start) and "\\" not in low[len(start) :] and low
        ]


@dataclass(frozen=True)
class SetValue:
    """Its keys are made where they are missing."""

    hive: str
    key: str
    name: str
    value: Value
    why: str


@dataclass(frozen=True)
class DeleteKey:
    """A key with all that is below it."""

    hive: str
    key: str
    why: str


@dataclass(frozen=True)
class CopyIn:
    """A file onto the Windows volume, by its path there with slashes. One that is there is kept beside, ending in .before-p2v."""

    path: str
    data: bytes
    why: str


@dataclass(frozen=True)
class PatchVolume:
    """Bytes of the volume itself, beneath its file system."""

    offset: int
    data: bytes
    why: str


@dataclass(frozen=True)
class CopyOnEsp:
    """A file onto the EFI system partition."""

    path: str
    data: bytes
    why: str


Change = SetValue | DeleteKey | CopyIn | PatchVolume | CopyOnEsp


@dataclass(frozen=True)
class Package:
    """A driver package that the user supplies: the files beside one .inf, and the text of that."""

    name: str  # viostor.inf
    inf: str
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Windows:
    """What is known. `control_set` is the current one, such as `ControlSet001`."""

    name: str
    version: tuple[int, int]  # 5.1 is XP, 6.1 is 7, 10.0 is 10, 11 and all servers since 2016
    build: int
    architecture: str  # amd64 or x86
    control_set: str
    folder: str  # Windows or WINNT, as it is written on the volume
    system: Registry
    software: Registry
    files: frozenset[str]  # lower-case paths of those that repairs ask for
    esp: Mapping[str, bytes] = field(default_factory=dict)  # by upper-case path
    boot_sector: bytes = b""
    disk_bytes: int = 0
    uefi: bool = False
    packages: tuple[Package, ...] = ()

    def service(self, name: str) -> str:
        """The key of a driver or service."""
        return f"{self.control_set}\\Services\\{name}"

    def control(self, path: str) -> str:
        """A key below Control."""
        return f"{self.control_set}\\Control\\{path}"


@dataclass(frozen=True)
class Planned:
    """What one repair would do."""

    changes: tuple[Change, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repair:
    """One repair of a Windows system."""

    name: str
    about: str
    plan: Callable[[Windows], Planned]


def describe(change: Change) -> str:
    """One line for a person."""
    match change:
        case SetValue(hive=hive, key=key, name=name, value=value, why=why):
            shown = (
                value.number if value.number is not None else value.text or ", ".join(value.texts) or f"{len(value.data)} bytes"
            )
            return f"set {hive}\\{key}: {name or '(default)'} = {shown}: {why}"
        case DeleteKey(hive=hive, key=key, why=why):
            return f"delete {hive}\\{key}: {why}"
        case CopyIn(path=path, data=data, why=why):
            return f"write {path}, {len(data)} bytes: {why}"
        case PatchVolume(offset=offset, data=data, why=why):
            return f"write {data.hex(' ')} at byte {offset} of the volume: {why}"
        case CopyOnEsp(path=path, data=data, why=why):
            return f"write {path} on the EFI system partition, {len(data)} bytes: {why}"
