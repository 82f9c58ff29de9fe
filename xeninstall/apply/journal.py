"""What has been done so far, kept so that a killed or stopped run can go on: atomically written, synced, free of secrets."""

import json
import os
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from xeninstall.base.errors import Error, UsageError
from xeninstall.plan.model import Plan, Seed

LAST_STAGE = "finish"


class Journal(BaseModel):
    """The state of one installation. `finished` are stage names, in order."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    seed: Seed
    plan: str  # Plan.digest()
    target: str
    state: Literal["running", "stopped", "failed", "done"] = "running"
    finished: list[str] = []
    stage: str = ""
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do: on an ESP the state may still say that the last stage runs."""
        return self.state == "done" or LAST_STAGE in self.finished

    @classmethod
    def start(cls, plan: Plan) -> Self:
        """A new journal for a plan."""
        return cls(seed=plan.seed, plan=plan.digest(), target=plan.disks[0].path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read one; raises UsageError when there is none, or it is damaged."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise UsageError(f"there is no journal {path}: nothing to resume", hint="start anew, without --resume") from None
        except (OSError, ValidationError) as error:
            raise UsageError(
                f"the journal {path} cannot be read ({type(error).__name__})", hint="start anew, without --resume"
            ) from None

    def write(self, path: Path) -> None:
        """Write it whole or not at all; it is on the disk when this returns."""
        temporary = path.with_name(path.name + ".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w") as file:
                json.dump(self.model_dump(), file, indent=1)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise Error(
                f"the journal {path} cannot be written: {error.strerror}", hint="make room there, then use --resume"
            ) from error

    def must_match(self, plan: Plan) -> None:
        """Refuse to go on with another plan than the one that was begun."""
        if self.plan != plan.digest():
            raise UsageError(
                "the answers, the machine or the system image differ from those of the interrupted run",
                hint="restore them and use --resume, or start anew without it (everything on the target is then redone)",
            )
