"""What a pack is, as values: its manifest (pack.toml), who signed it, and where its files lie after they were read."""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from xeninstall.answers.toml import toml_value

from .errors import PackError
from .names import PARTS, is_content, normal

MANIFEST, SIGNATURE = "pack.toml", "pack.toml.sig"
MANIFEST_MAXIMUM_BYTES = 4 * 2**20
FILES_MAXIMUM = 20_000

MODULE_FILE = re.compile(r"modules/(?:[^/]+/)*([A-Za-z0-9_-]{1,100})\.ko(?:\.(?:gz|xz|zst))?", re.ASCII)
_DEB_FILE = re.compile(r"debs/[A-Za-z0-9][A-Za-z0-9.+~_:%-]{0,190}\.deb", re.ASCII)

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
_Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+~:-]{0,62}$")]
_Kernel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,80}$")]
_Module = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Kind(StrEnum):
    """What a pack is for: it makes hardware work, or it adds something to the host."""

    DRIVER = "driver"
    SUPPLEMENTAL = "supplemental"


class Manifest(BaseModel):
    """pack.toml. `files` names every file of the pack with its sha256, so that a signature over this text covers them all."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    format: Literal[1] = 1
    name: _Name
    version: _Version
    kind: Kind
    description: str = Field("", max_length=200)
    kernel: _Kernel | None = None  # the release (uname -r) that the modules were built for
    load: tuple[_Module, ...] | None = None  # modules to load at once and at every boot; by default all
    files: dict[str, _Sha256] = Field(max_length=FILES_MAXIMUM)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        problem = ""
        for path in self.files:
            if normal(path) != path or not is_content(path):
                problem = f"{path} lies outside of {', '.join(f'{part}/' for part in PARTS)}"
            elif path.startswith("modules/") and MODULE_FILE.fullmatch(path) is None:
                problem = f"{path} is no kernel module: its name ends in .ko, .ko.gz, .ko.xz or .ko.zst"
            elif path.startswith("debs/") and _DEB_FILE.fullmatch(path) is None:
                problem = f"{path} is no Debian package: its name ends in .deb"
        if not self.files:
            problem = "it names no file"
        if not self.description.isprintable():
            problem = "its description has a control character"
        missing = set(self.load or ()) - set(self.modules)
        if missing:
            problem = f"load names {sorted(missing)[0]}, which is not in modules/"
        if self.modules and self.kernel is None:
            problem = "it has modules, but does not say for which kernel"
        if problem:
            raise PydanticCustomError("pack", "{problem}", {"problem": problem})
        return self

    @property
    def title(self) -> str:
        """`acme-raid 1.2`."""
        return f"{self.name} {self.version}"

    def part(self, name: str) -> list[str]:
        """The files below `modules`, `firmware`, `debs` or `templates`, sorted."""
        return sorted(path for path in self.files if path.startswith(f"{name}/"))

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules as the kernel calls them, sorted."""
        found = (MODULE_FILE.fullmatch(path) for path in self.files)
        return tuple(sorted({match[1].replace("-", "_") for match in found if match}))

    @property
    def loads(self) -> tuple[str, ...]:
        """Modules to load at once and at every boot."""
        return self.modules if self.load is None else self.load

    @property
    def early(self) -> bool:
        """Whether the initramfs differs with it: modules and firmware may be needed to find the root, and so may packages."""
        return bool(self.modules or self.part("firmware") or self.part("debs"))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a pack.toml. Raises PackError naming the first mistake."""
        hint = "get the pack from its maker again"
        try:
            return cls.model_validate(tomllib.loads(data.decode("utf-8")))
        except UnicodeDecodeError:
            raise PackError(f"{MANIFEST} is not text in UTF-8", hint=hint) from None
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise PackError(f"{MANIFEST} is no TOML: {str(error)[:200]}", hint=hint) from None
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part)[:60] for part in first["loc"])
            said = first["msg"]
            raise PackError(f"{MANIFEST}: {f'{key}: ' if key else ''}{said[:1].lower()}{said[1:]}", hint=hint) from None

    def text(self) -> str:
        """As pack.toml, equal for equal packs."""
        lines = [f"{key} = {toml_value(value)}" for key, value in self._head()]
        lines += ["", "[files]", *(f"{toml_value(path)} = {toml_value(self.files[path])}" for path in sorted(self.files))]
        return "\n".join(lines) + "\n"

    def _head(self) -> list[tuple[str, object]]:
        head: list[tuple[str, object]] = [("format", 1), ("name", self.name), ("version", self.version), ("kind", self.kind)]
        optional = (("description", self.description or None), ("kernel", self.kernel), ("load", self.load))
        return head + [(key, value) for key, value in optional if value is not None]


class Trust(StrEnum):
    """How far a pack can be trusted."""

    TRUSTED = "trusted"  # signed by a key that this machine trusts
    UNKNOWN = "unknown key"
    UNSIGNED = "unsigned"


@dataclass(frozen=True)
class Signature:
    """Who signed a pack. `signer` is the comment of the trusted key, `fingerprint` that of the key which signed."""

    trust: Trust
    signer: str = ""
    fingerprint: str = ""
    key: str = ""  # the trusted key itself, as in a .pub file

    @property
    def text(self) -> str:
        """On one line."""
        match self.trust:
            case Trust.TRUSTED:
                return f"{self.signer} ({self.fingerprint})"
            case Trust.UNKNOWN:
                return f"a key that is not trusted here ({self.fingerprint})"
            case Trust.UNSIGNED:
                return "nobody: it is unsigned"


@dataclass(frozen=True)
class Pack:
    """A pack that was read and checked: its files lie below `place`, each as the manifest says."""

    manifest: Manifest
    place: Path
    digest: str  # sha256 of pack.toml, and by that of everything in the pack
    signature: Signature
    source: str  # where it came from
    size_bytes: int = 0  # of all its files
