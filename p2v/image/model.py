"""What every format is given, and what it may refuse."""

import uuid
from dataclasses import dataclass

from xeninstall.base.errors import RequirementError

from ..types import BlockMap


class FormatError(RequirementError):
    """A disk does not fit into the format that was asked for; nothing was written."""


@dataclass(frozen=True)
class Disk:
    """One disk of an image: its map, and what the image calls it."""

    block_map: BlockMap
    name: str = "disk"


@dataclass(frozen=True)
class Identity:
    """What a format wants to be unique or dated, chosen once so that a resumed copy makes the same image."""

    seed: uuid.UUID
    time: int  # seconds since 1970

    def uuid(self, purpose: str) -> uuid.UUID:
        """A UUID for one purpose, the same each time."""
        return uuid.uuid5(self.seed, purpose)
