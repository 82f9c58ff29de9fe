"""What will be destroyed, by serial number and in words: the last thing a person reads before it is too late."""

from xeninstall.base.sizes import format_size
from xeninstall.machine.model import Content, Machine

from .model import Loss, PlannedDisk


def losses(disks: tuple[PlannedDisk, ...], machine: Machine | None, image_exists: bool) -> tuple[Loss, ...]:
    """One entry a disk; a blank one says that nothing was found on it."""
    out = []
    for planned in disks:
        if planned.image:
            if image_exists:
                out.append(Loss(disk=planned.path, identity=planned.identity, lines=("the whole image file",)))
            continue
        found = next((disk for disk in machine.disks if disk.path == planned.path), None) if machine else None
        lines = tuple(_line(content) for content in found.contents) if found else ()
        identity = f"{planned.identity}, {found.model}, {format_size(found.size_bytes)}" if found else planned.identity
        out.append(Loss(disk=planned.path, identity=identity, lines=lines or ("nothing was found on it",)))
    return tuple(out)


def _line(content: Content) -> str:
    words = [content.path, content.description or content.kind.replace("_", " ")]
    if content.fstype and content.fstype not in words[1]:
        words.append(content.fstype)
    if content.label:
        words.append(f'"{content.label}"')
    if content.size_bytes:
        words.append(format_size(content.size_bytes))
    return ", ".join(words)
