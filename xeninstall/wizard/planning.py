"""The draft and the planner: what the machine says against the answers so far, and the plan when they are whole."""

import re

from xeninstall.answers.dump import dump
from xeninstall.answers.model import Answers, StorageType
from xeninstall.base.errors import RequirementError
from xeninstall.base.sizes import format_size
from xeninstall.packs.model import Pack
from xeninstall.plan.build import ImageFile, build
from xeninstall.plan.check import check
from xeninstall.plan.layout import THIN_MINIMUM_BYTES, divide
from xeninstall.plan.model import PartitionType, Plan

from .draft import Problem
from .kit import Session

# The planner's findings begin with the key they are about, where they are about one.
_KEY = re.compile(r"((?:disk|storage|network|hardware|xen)[a-z0-9_.\[\]]*): (.*)", re.DOTALL)
MACHINE = "hardware.machine"


def findings(session: Session) -> list[Problem]:
    """What this machine has against the valid part of the answers; nothing where an image is the target."""
    if session.onto_image:
        return []
    sections = {name: session.draft.section(name) for name in Answers.model_fields}
    # Not checked as a whole: rules across keys have their own say, and half the answers are still to come.
    chosen = check(Answers.model_construct(**sections), session.machine)
    out = []
    for finding in chosen.findings:
        found = _KEY.match(finding.what)
        key, what = (found[1], found[2]) if found else (_about(finding.what), finding.what)
        out.append(Problem(key, f"{what}; {finding.remedy}"))
    return out


def room_problems(session: Session) -> list[Problem]:
    """Whether the system's slots and the VM storage find room on what was chosen."""
    draft = session.draft
    disk, storage = draft.section("disk"), draft.section("storage")
    sizes = [session.target.size_bytes] if session.onto_image else _system_sizes(session)
    if not sizes:
        return []
    try:
        layout = divide(
            min(sizes),
            slot_bytes=disk.system_size,
            mirrored=len(sizes) > 1,
            storage_type=PartitionType.LINUX,
            seed=session.seed,
            key="system",
        )
    except RequirementError as error:
        return [Problem("disk.system_size", f"{error.message}; {error.hint}")]
    if storage.type is StorageType.THIN and layout.storage_bytes < THIN_MINIMUM_BYTES and not storage.extra_disks:
        what = f"{format_size(layout.storage_bytes)} are left for VM storage, too little for a thin pool"
        return [Problem("storage.type", f"{what}; choose files, a larger disk, or a further disk for VM storage")]
    return []


def _system_sizes(session: Session) -> list[int]:
    sections = {name: session.draft.section(name) for name in Answers.model_fields}
    chosen = check(Answers.model_construct(**sections), session.machine)
    return [disk.size_bytes for disk in (chosen.system, chosen.mirror) if disk is not None and disk.usable]


def plan(session: Session) -> Plan:
    """The plan for the whole draft. Raises UsageError for an incomplete one, Refused (exit 3) for what cannot work."""
    target = session.target
    if session.onto_image:
        file = ImageFile(target.path, target.size_bytes, exists=target.exists)
        return build(session.draft.whole(), session.image, session.seed, image_file=file, packs_read=_packs(session))
    return build(session.draft.whole(), session.image, session.seed, machine=session.machine, packs_read=_packs(session))


def _packs(session: Session) -> tuple[Pack, ...]:
    """Those of the read packs that the answers ask for."""
    asked = {one.sha256 for one in session.draft.section("packs")}
    return tuple(pack for pack in session.packs if pack.digest in asked)


def replayable(answers: Answers) -> str:
    """The answer file of these answers: a password is asked for on standard input when it is replayed."""
    root = answers.root
    if root.password_hash is not None and root.password_hash.get_secret_value() != "!":
        root = root.model_copy(update={"password_hash": None, "password_stdin": True})
        answers = answers.model_copy(update={"root": root})
    return dump(answers)


def _about(what: str) -> str:
    """The key that a finding without one belongs to."""
    if "disk" in what or "destroyed" in what or "mirror" in what:
        return "disk"
    if "network card" in what:
        return "network.nic"
    answered = "virtualization" in what or "Secure Boot" in what
    return "hardware.answered" if answered else MACHINE
