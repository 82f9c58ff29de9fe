"""A conversion as the answers describe it, from the first look to the last check: what the wizard and an unattended run share.

    preflight → repair → copy → definition → verify → trial start

Each step is told as a stage. A try that was stopped, or failed, goes on with the next.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event as Signal

from xeninstall.answers.model import Convert
from xeninstall.base.errors import Error, UsageError
from xeninstall.base.events import Emit, Event, Finished, Note, Progress, StageFinished, StageStarted
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size
from xeninstall.machine.model import Machine

from .answers import as_answered, bridges_of, disks_of, disks_under, mode_of, request_of, wishes_of
from .beside import write_beside
from .convert import PART, convert
from .define import definition, how_to_start, of_images, write_files
from .guest.model import Traits
from .guest.traits import with_traits
from .place import folder_of
from .preflight import Finding, Preflight, Severity, preflight
from .repaired import Wishes, convert_repaired
from .request import Request, goals
from .target.password import Password
from .task import unfinished
from .trial import check_able, trial_of_folder
from .verify import verify
from .vm.model import Mode, VirtualMachine
from .wording import in_words_of_answers, of_answers

STAGES = {
    "repair": "Repairs",
    "login": "Login",
    "map": "Block map",
    "copy": "Copy",
    "define": "Definition",
    "verify": "Comparison",
    "trial": "Trial start",
}


@dataclass(frozen=True)
class _Asked:
    """Everything that the engine needs, with the folder there."""

    request: Request
    bridges: dict[str, str]
    folder: Path


class Conversion:
    """One conversion. `machine` is what the disks belong to; None where nobody knows, such as for image files.

    `passphrases` of encrypted volumes are those that somebody typed; the answers only name files with some.
    """

    def __init__(self, answers: Convert, machine: Machine | None, runner: Runner, passphrases: tuple[Password, ...] = ()) -> None:
        if answers.name is None or answers.target is None:
            raise UsageError("the conversion has no name or no target", hint="give convert.name and convert.target")
        self.answers, self._machine, self._runner = answers, machine, runner
        self._passphrases = passphrases
        self._uuid = str(uuid.uuid4())
        self._target = answers.target

    @property
    def resumable(self) -> bool:
        """Whether one that was stopped is gone on with, or begins anew."""
        return True

    def stages(self) -> tuple[str, ...]:
        """The stages of this one, in order, by their names in STAGES."""
        wanted = {"repair": self.answers.repair, "define": self._machine is not None, "verify": self.answers.verify}
        wanted["trial"] = self.answers.test_boot
        return tuple(name for name in STAGES if name != "login" and wanted.get(name, True))

    def preflight(self) -> Preflight:
        """Every verdict; nothing is changed. Raises Error for what cannot even be looked at."""
        with in_words_of_answers(), self._asked() as asked:
            found = preflight(replace(asked.request, resume=False), self._wishes(), self._runner)
        return self._compared(replace(found, findings=(*found.findings, *self._trial_findings())))

    def perform(self, emit: Emit, stop: Signal) -> dict[str, str]:
        """Do it, or go on where an earlier try ended. Returns facts to show. Raises Error."""
        telling = Telling(emit, self.stages())
        with in_words_of_answers(), self._asked() as asked:
            self._check_trial()
            request, kept = asked.request, _Kept(asked, self.answers)
            if not kept.copied:
                request = replace(request, resume=any(map(unfinished, goals(request))))
                kept.copied_with(self._copy(request, telling, stop), telling.copied)
            telling.copied, traits = kept.told, kept.traits
            facts = {"images": ", ".join(str(goal.path) for goal in goals(request)), "copied": telling.copied}
            vm = self._define(asked, traits, telling)
            if self.answers.verify:
                facts["compared"] = self._verify(request, telling)
            if self.answers.test_boot:
                facts["trial start"] = self._try(vm, telling, stop)
            facts |= _how_to_start(vm, asked.request) if vm is not None else {}
            kept.forget()
        telling.finish(facts)
        return facts

    def _compared(self, found: Preflight) -> Preflight:
        """The same in the words of the answers, and without the time of a comparison that nobody makes."""
        findings = tuple(replace(one, text=of_answers(one.text), remedy=of_answers(one.remedy)) for one in found.findings)
        return replace(found, findings=findings, compare_seconds=found.compare_seconds if self.answers.verify else None)

    def _wishes(self) -> Wishes | None:
        """What repairs are given, where anything is repaired."""
        if not self.answers.repair:
            return None
        wishes = wishes_of(self.answers, self._machine)
        return replace(wishes, passphrases=(*wishes.passphrases, *self._passphrases))

    def _trial_findings(self) -> tuple[Finding, ...]:
        try:
            self._check_trial()
        except Error as error:
            return (Finding(Severity.REFUSED, "trial start", error.message, error.hint),)
        return ()

    def _check_trial(self) -> None:
        if self.answers.test_boot:
            check_able(self.answers.format.value)

    # ---- the stages

    def _copy(self, request: Request, telling: "Telling", stop: Signal) -> Traits | None:
        wishes = self._wishes()
        if wishes is None:
            convert(request, self._runner, telling, stop)
            return None
        telling.begin("repair")
        return convert_repaired(request, wishes, self._runner, telling, stop)

    def _define(self, asked: _Asked, traits: Traits | None, telling: "Telling") -> VirtualMachine | None:
        if self._machine is None:
            return None
        with telling.stage("define"):
            plain = of_images(self._machine, asked.request, asked.bridges, self._uuid)
            vm = with_traits(as_answered(plain, self.answers), traits)
            for note in write_files(vm, asked.request, mode_of(self.answers) or Mode.HVM):
                telling(note)
        return vm

    def _verify(self, request: Request, telling: "Telling") -> str:
        total = 0
        with telling.stage("verify"):
            for goal in goals(request):
                assert goal.path is not None
                total += verify(goal.path, self._runner, telling.within).bytes
        return f"{format_size(total)}, all as they were read"

    def _try(self, vm: VirtualMachine | None, telling: "Telling", stop: Signal) -> str:
        if vm is None:
            raise UsageError("a trial start needs the machine that the disks come from", hint="give --machine")
        with telling.stage("trial"):
            return trial_of_folder(vm, self._runner, telling, stop, marker=self.answers.test_marker or "")

    # ---- what is asked

    @contextmanager
    def _asked(self) -> Iterator[_Asked]:
        bridges = bridges_of(self.answers, self._machine)
        with folder_of(self._target, self._runner) as folder:
            disks = disks_of(self.answers, self._machine, keep=disks_under(str(folder), self._machine))
            request = request_of(self.answers, disks, str(folder))
            goals(request)
            if self._machine is not None:
                plain = of_images(self._machine, request, bridges, "")
                as_answered(plain, self.answers).check()
                if request.image_format.holds_many:
                    text = definition(self._machine, request, bridges, lambda vm: as_answered(vm, self.answers))
                    request = replace(request, machine=text)
            yield _Asked(request, bridges, folder)


class _Kept:
    """What a try leaves to the next one when all is copied and something after it failed: beside the images, in a file."""

    def __init__(self, asked: _Asked, answers: Convert) -> None:
        self._path = asked.folder / f"{asked.request.name}.p2v-state.json"
        self._images = [goal.path for goal in goals(asked.request) if goal.path is not None]
        self._about = {"disks": list(asked.request.disks), "answers": answers.model_dump(mode="json")}
        self.copied, self.told = False, ""
        self.traits: Traits | None = None
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(self._path.read_text())
            if found["about"] == self._about and all(path.exists() for path in self._images):
                self.traits = Traits(**found["traits"]) if found["traits"] else None
                self.copied, self.told = True, str(found["told"])

    def copied_with(self, traits: Traits | None, told: str) -> None:
        """All is copied."""
        self.copied, self.told, self.traits = True, told, traits
        found = {"about": self._about, "told": told, "traits": asdict(traits) if traits is not None else None}
        write_beside(self._path, json.dumps(found) + "\n", "make room there, and begin it again: it goes on")

    def forget(self) -> None:
        """All is done."""
        self._path.unlink(missing_ok=True)


class Telling:
    """The engine's events as those of one run: stages are numbered through, and its end is not the end."""

    def __init__(self, emit: Emit, stages: tuple[str, ...]) -> None:
        self._emit, self._stages = emit, stages
        self._open, self._since, self._began = "", 0.0, time.monotonic()
        self.copied = ""

    def __call__(self, event: Event) -> None:
        match event:
            case StageStarted(stage=name):
                self.begin(name)
            case StageFinished(stage=name, seconds=seconds, skipped=skipped):
                self._open = ""
                self._emit(StageFinished(name, seconds, skipped))
            case Progress(stage=name) if PART in name:
                return  # one image of several: the whole is told, too
            case Finished(facts=facts):
                self.copied = "; ".join(fact for name, fact in facts.items() if not name.startswith("start it"))
            case _:
                self._emit(event)

    def begin(self, name: str) -> None:
        """A stage begins, and the one before it is over."""
        if self._open and self._open != name:
            self._emit(StageFinished(self._open, time.monotonic() - self._since))
        self._open, self._since = name, time.monotonic()
        self._emit(StageStarted(name, STAGES[name], self._stages.index(name) + 1, len(self._stages)))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Around a stage of this file's own."""
        self.begin(name)
        yield
        self._emit(StageFinished(name, time.monotonic() - self._since))
        self._open = ""

    def finish(self, facts: dict[str, str]) -> None:
        """All is done."""
        self._emit(Finished(time.monotonic() - self._began, facts))

    def within(self, event: Event) -> None:
        """Events of something that has stages of its own, which are part of this one."""
        if isinstance(event, Progress | Note):
            self(event)


def _how_to_start(vm: VirtualMachine, request: Request) -> dict[str, str]:
    return {
        "virtual machine": f"{vm.name}: {vm.vcpus} vCPUs, {format_size(vm.memory_bytes)}",
        "start it": how_to_start(vm, request),
    }
