"""Stands where packs are found, read and loaded: it tells what it was told to, and raises given errors, one a call."""

from dataclasses import dataclass, field
from pathlib import Path

from xeninstall.answers.model import PackSource
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Note, Progress
from xeninstall.packs.find import Found
from xeninstall.packs.load import Loaded
from xeninstall.packs.model import Kind, Manifest, Pack, Signature, Trust
from xeninstall.packs.queue import as_answer
from xeninstall.wizard.kit import Session

KERNEL = "6.12.57+deb13-amd64"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampl0"
SIGNED = Signature(Trust.TRUSTED, "Acme packs", "SHA256:" + "x" * 43, KEY)


def pack(kernel: str, signature: Signature = SIGNED, **changes: object) -> Pack:
    """A driver pack as it is after reading."""
    files = {"modules/acme_raid.ko": "1" * 64, "firmware/acme/a.bin": "2" * 64, "debs/acme-tool_1_all.deb": "3" * 64}
    given = {"name": "acme-raid", "version": "1.2", "kind": Kind.DRIVER, "kernel": kernel, "files": files}
    manifest = Manifest.model_validate({**given, "description": "RAID controllers of the A9 series", **changes})
    return Pack(manifest, Path("/nowhere"), "a" * 64, signature, "/dev/sdb1:acme.tar", 3 * 2**20)


@dataclass
class FakeLoader:
    """See kit.session.Loader."""

    pack: Pack
    found: list[list[Found]] = field(default_factory=list)  # one a look
    errors: list[Error] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def find(self) -> list[Found]:
        self.asked.append("find")
        return self.found.pop(0) if self.found else []

    def open(self, source: str, emit: Emit) -> Pack:
        self.asked.append(source)
        emit(Progress("read", 2**20, 2**20))
        self._fail()
        return self.pack

    def load(self, emit: Emit) -> Loaded:
        self.asked.append("load")
        emit(Note("loading the module acme_raid"))
        self._fail()
        return Loaded(self.pack, ("acme_raid",), ("sdb", "sdc"), ())

    def stage(self, wanted: PackSource, emit: Emit) -> Pack:
        self.asked.append(f"stage {wanted.source}")
        self._fail()
        return self.pack

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


def with_pack(made: Session) -> Session:
    """As after the flow that loads one."""
    one = pack(KERNEL)
    made.packs.append(one)
    made.draft.set("packs", [as_answer(one).model_dump(exclude_none=True, exclude_defaults=True)])
    return made
