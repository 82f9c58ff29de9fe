"""What many tests begin with: recorded machines, answers from a few lines of TOML, a system image's description, a runner
that only remembers.
"""

import hashlib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xeninstall.answers.model import Answers
from xeninstall.base.run import CommandError, Completed
from xeninstall.base.sizes import GIB
from xeninstall.machine.model import Machine
from xeninstall.packs.model import Kind, Manifest, Pack, Signature, Trust
from xeninstall.plan.build import ImageFile, build
from xeninstall.plan.model import Action, MakeLink, Plan, WriteFile
from xeninstall.plan.system_image import OfflineSet, SystemImage

DATA = Path(__file__).parent / "data"
SEED = "00112233445566778899aabbccddeeff"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampl0 admin@example.org"
LEAST = f'[disk]\nerase = true\n[root]\npassword_hash = "!"\nssh_keys = ["{KEY}"]\n'

_KERNEL = "6.12.57+deb13-amd64"
SYSTEM = SystemImage(
    format=1,
    product="0.1.0",
    sha256="5" * 64,
    size_bytes=300_000_000,
    unpacked_bytes=900_000_000,
    inodes=20_000,
    debian="13.2",
    kernel=_KERNEL,
    xen="xen-4.20-amd64.gz",
    boot_files={
        f"/boot/vmlinuz-{_KERNEL}": "a" * 64,
        f"/boot/initrd.img-{_KERNEL}": "b" * 64,
        "/boot/xen-4.20-amd64.gz": "c" * 64,
    },
    packages={"xen-system-amd64": "4.20.2-1"},
    sets={
        name: OfflineSet(title=name, packages=(name,), debs=(f"{name}_1_amd64.deb",), unpacked_bytes=1_000_000)
        for name in ("linux-guests", "storage", "pool", "monitoring")
    },
)


def machine(name: str, **changes: object) -> Machine:
    """A recorded machine, perhaps with something about it changed."""
    return Machine.from_json((DATA / "machines" / f"{name}.json").read_bytes()).model_copy(update=changes)


def answers(toml: str = "") -> Answers:
    """The least that a host needs, and these lines over it."""
    return Answers.model_validate(_over(tomllib.loads(LEAST), tomllib.loads(toml)))


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        both[key] = _over(both[key], value) if isinstance(value, dict) and key in both else value
    return both


def plan_for(name: str, toml: str = "", *, disk_path: str | None = None, seed: str = SEED) -> Plan:
    """A plan for a recorded machine."""
    return build(answers(toml), SYSTEM, seed, machine=machine(name), disk_path=disk_path)


def pack(place: Path = Path("/packs/acme"), **changes: object) -> Pack:
    """A driver pack as it is after reading; its files are only named."""
    given: dict[str, object] = {"name": "acme-raid", "version": "1.2", "kind": Kind.DRIVER, "kernel": _KERNEL}
    files = {"modules/raid.ko": "1" * 64, "firmware/acme/raid.bin": "2" * 64, "debs/tool_1_all.deb": "3" * 64}
    manifest = Manifest.model_validate({**given, "files": files, **changes})
    digest = hashlib.sha256(manifest.text().encode()).hexdigest()
    return Pack(manifest, place, digest, Signature(Trust.TRUSTED, "Acme packs", "SHA256:" + "x" * 43), "/dev/sdb1")


def image_plan(
    toml: str = "",
    *,
    size_bytes: int = 16 * GIB,
    path: str = "/images/host.img",
    exists: bool = False,
    packs: tuple[Pack, ...] = (),
) -> Plan:
    """A plan for an image file; VM storage as files unless the lines say otherwise, since small images have no room for thin."""
    with_storage = toml if "[storage]" in toml else toml + '\n[storage]\ntype = "files"\n'
    return build(answers(with_storage), SYSTEM, SEED, image_file=ImageFile(path, size_bytes, exists=exists), packs_read=packs)


def actions(plan: Plan) -> list[Action]:
    """Every action, in order."""
    return [action for stage in plan.stages for action in stage.actions]


def files(plan: Plan) -> dict[str, str]:
    """Text of every file that the plan writes into the host."""
    return {action.path: action.text for action in actions(plan) if isinstance(action, WriteFile)}


def links(plan: Plan) -> dict[str, str]:
    """Every symbolic link that the plan makes in the host."""
    return {action.path: action.to for action in actions(plan) if isinstance(action, MakeLink)}


@dataclass
class Done:
    """A remembered process that has ended."""

    completed: Completed

    def poll(self) -> int | None:
        return self.completed.status

    def wait_for(self, seconds: float) -> Completed | None:
        return self.completed

    def stop(self) -> None:
        return


@dataclass
class Recorder:
    """A Runner that starts nothing. `play` may answer for a command: its status, what it writes, or what it raises."""

    play: Callable[[tuple[str, ...]], Completed | BaseException | None] = lambda argv: None
    ran: list[tuple[str, ...]] = field(default_factory=list)
    stdin: list[bytes | None] = field(default_factory=list)

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True, cwd: Path | None = None) -> Completed:
        self.ran.append(tuple(argv))
        self.stdin.append(stdin)
        answer = self.play(tuple(argv)) or Completed(tuple(argv), 0, "", "")
        if isinstance(answer, BaseException):
            raise answer
        if check and answer.status:
            raise CommandError(argv, answer.status, answer.stderr)
        return answer

    def start(self, argv: Sequence[str], *, cwd: Path | None = None) -> Done:
        return Done(self.run(argv, check=False))

    def programs(self) -> list[str]:
        """The first word of every command."""
        return [argv[0] for argv in self.ran]
