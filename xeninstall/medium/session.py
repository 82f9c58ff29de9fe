"""What the boot medium does in its first window, from the kernel's words: wizard, unattended installation, rescue, shell.

Whatever ends, the machine stays at a choice as long as somebody sits at it; a failure is told to the webhook, stays on the
screen with its step, its cause and what to do next, and is never reported as success.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from xeninstall.answers.finish import After
from xeninstall.answers.load import load, webhook_of
from xeninstall.answers.model import Answers, Flow
from xeninstall.apply.paths import journal_of, log_of
from xeninstall.apply.perform import Listener, listening, perform, tell_failure
from xeninstall.apply.records import bundle
from xeninstall.base.errors import Error, ExitCode, Stopped, UsageError
from xeninstall.base.events import Emit, Failed
from xeninstall.base.http import Trust
from xeninstall.base.run import Runner
from xeninstall.base.urls import is_url
from xeninstall.machine.model import Machine
from xeninstall.packs.gather import gathered
from xeninstall.packs.model import Pack
from xeninstall.packs.queue import with_queued
from xeninstall.plan.show import head
from xeninstall.plan.system_image import SystemImage

from .console import Choice, Console
from .find import find
from .finish import finish, leave
from .headless import AlreadyInstalled, Task, about, prepare
from .sources.ask import Ask, Found
from .words import Mode, Resume, Words

log = logging.getLogger("xeninstall.medium")

CONVERT = "convert"


class OtherFlow(Protocol):
    """What another package does by answers of its flow; found by the entry points `xeninstall.unattended`."""

    def head(self, answers: Answers, machine: Machine) -> str:
        """What is going to be done, in some lines. Raises Error when it cannot be."""

    def perform(self, answers: Answers, machine: Machine, runner: Runner, emit: Emit) -> dict[str, str]:
        """Do it, or go on with what an earlier try began; returns facts to show. Raises Error."""


@dataclass(frozen=True)
class Tools:
    """What a session works with; the verb `start` gives the real ones."""

    console: Console
    runner: Runner
    emit: Emit  # the progress view
    interact: Callable[[Sequence[str]], int]
    probe: Callable[[], Machine]
    system: Callable[[], tuple[SystemImage, Path]]
    wizard: Callable[[Path | None, str], int]  # answers to begin with, and a flow's name
    rescue: Callable[[], int]
    flows: Callable[[], list[str]]
    state: Path  # a directory that only root reads
    other_flow: Callable[[str], OtherFlow | None] = lambda name: None
    use_network: Callable[[Answers, Machine], None] = lambda answers, machine: None


class Session:
    """One boot of the medium."""

    def __init__(self, words: Words, tools: Tools) -> None:
        self._words, self._tools, self._console = words, tools, tools.console
        self._about: dict[str, str] = {}
        self._found: Found | None = None
        self._answers: Answers | None = None
        self._task: Task | None = None
        self._held = ExitStack()
        self._packs: tuple[Pack, ...] = ()

    def run(self) -> int:
        """Do what the words say; returns an exit code when nobody is there, or somebody has chosen to leave."""
        for warning in self._words.warnings:
            self._console.say(f"Kernel command line: {warning}")
        try:
            return self._leave_or_stay(self._begin())
        except EOFError:
            return ExitCode.STOPPED  # the terminal is gone
        finally:
            self._held.close()

    def _begin(self) -> int:
        if self._words.problems:
            lines = "\n".join(self._words.problems)
            return self._failed("words", UsageError(lines, hint="correct the kernel command line; nothing was begun"))
        match self._words.mode:
            case Mode.SHELL:
                return self._shell()
            case Mode.RESCUE:
                return self._guarded("rescue", self._tools.rescue)
            case Mode.CONVERT if CONVERT not in self._tools.flows():
                self._console.say("This medium cannot convert a machine: nothing on it provides that.")
                return ExitCode.FAILED
            case Mode.WIZARD:
                return self._wizard()
            case _:
                return self._unattended()

    # ---- unattended ------------------------------------------------------------------------------------------------

    def _unattended(self) -> int:
        stage = "answers"
        if self._console.interactive and (is_url(self._words.answers) or self._words.post):
            self._console.say("Answers are to come from a server; Ctrl+C stops waiting for it.")
        try:
            self._found = find(self._ask())
            if self._found is None:
                if self._words.mode is Mode.INSTALL:
                    self._console.say("There are no answers for an unattended installation: the wizard asks for them.")
                flow = CONVERT if self._words.mode is Mode.CONVERT else ""
                return self._guarded("wizard", lambda: self._tools.wizard(None, flow))
            self._console.say(f"Answers: {self._found.origin}")
            self._answers = load(self._found.path)
            if self._answers.flow is Flow.CONVERT:
                return self._convert(self._answers)
            if self._words.mode is Mode.CONVERT:
                hint = 'write flow = "convert" into them, or start without xeninstall.mode=convert'
                raise UsageError("the answers are to install, and the medium was started to convert", hint=hint)
            stage = "packs"
            image, squashfs = self._tools.system()
            self._gather(image)
            stage = "plan"
            question = self._question if self._console.interactive else None
            self._task = prepare(self._answers, image, self._probe, self._tools.runner, self._words.resume, question, self._packs)
            self._print_head(self._task)
            if self._console.countdown(self._words.countdown_seconds, _COUNTDOWN):
                return self._guarded("wizard", lambda: self._tools.wizard(self._path(), ""))
        except AlreadyInstalled as error:
            self._report(error, "plan")
            self._tell("plan", error)
            return error.exit_code
        except KeyboardInterrupt:
            self._console.say("\nStopped; nothing was written.")
            return ExitCode.STOPPED
        except (Error, OSError) as error:
            return self._failed(stage, _in_words(error))
        return self._install(self._task, image, squashfs)

    def _convert(self, answers: Answers) -> int:
        """The conversion that the answers describe. Raises Error up to where it begins."""
        flow = self._tools.other_flow(CONVERT)
        if flow is None:
            raise UsageError("this medium cannot convert a machine: nothing on it provides that", hint="use one that does")
        machine = self._probe()
        self._tools.use_network(answers, machine)
        self._console.say(flow.head(answers, machine))
        if self._console.countdown(self._words.countdown_seconds, _COUNTDOWN):
            return self._guarded("wizard", lambda: self._tools.wizard(self._path(), ""))
        try:
            with listening(self._listener(), self._tools.emit) as tell:
                try:
                    facts = flow.perform(answers, machine, self._tools.runner, tell)
                except Error as error:
                    tell(Failed(CONVERT, error.message, error.hint, error.exit_code))
                    raise
        except (Error, OSError) as error:
            return self._failed("", _in_words(error))
        for name, value in facts.items():
            self._console.say(f"  {name + ':':<12} {value}")
        # Started again it would be in the network twice.
        asked = answers.finish.after if "after" in answers.finish.model_fields_set else After.POWEROFF
        finish(self._words.after or asked, self._console, self._tools.runner, converted=True)
        return ExitCode.DONE

    def _gather(self, image: SystemImage) -> None:
        """Read the packs that the answers name, and take those that were loaded before; they stay until the session ends."""
        assert self._answers is not None
        self._held.close()
        self._packs = ()
        if wanted := with_queued(self._answers.packs):
            self._answers = self._answers.model_copy(update={"packs": wanted})
            self._packs = self._held.enter_context(gathered(wanted, self._tools.runner, self._tools.emit, image.kernel))

    def _install(self, task: Task, image: SystemImage, squashfs: Path) -> int:
        assert self._answers is not None
        try:
            tools = self._tools
            log_file = perform(task.plan, image, squashfs, task.journal, tools.runner, tools.emit, self._listener(), self._packs)
        except (Error, OSError) as error:
            return self._failed("", _in_words(error))
        for name, value in {**task.plan.facts, "log": str(log_file)}.items():
            self._console.say(f"  {name + ':':<12} {value}")
        finish(self._words.after or self._answers.finish.after, self._console, self._tools.runner)
        return ExitCode.DONE

    def _print_head(self, task: Task) -> None:
        for note in task.notes:
            self._console.say(note[:1].upper() + note[1:])
        self._console.say(head(task.plan))

    def _question(self, told: str, possible: bool) -> Resume:
        go_on = "Go on with it" if possible else "Stop here (it was begun with other answers, or another medium)"
        # A choice gives a number: its place among these two.
        choices = [Choice(go_on, lambda: 0), Choice("Start over: everything on the disk is lost", lambda: 1)]
        return (Resume.RESUME, Resume.RESTART)[self._console.choose(f"Found {told}.", choices)]

    # ---- when something failed -------------------------------------------------------------------------------------

    def _failed(self, stage: str, error: Error) -> int:
        """Keep it on the screen, tell the webhook, and offer what can be done. A stage that `perform` told has no name here."""
        self._report(error, stage)
        if stage:
            self._tell(stage, error)
        if not self._console.interactive:
            return error.exit_code
        choices = [Choice("Try again from the beginning", self._unattended)]
        task = self._task
        if task is not None and task.journal.stage:
            choices.append(Choice("Go on where it stopped", self._go_on))
        if self._found is not None:
            choices.append(Choice("Open the wizard with these answers", lambda: self._wizard_with(self._path())))
        return self._console.choose("What now?", [*choices, *self._always()])

    def _go_on(self) -> int:
        assert self._answers is not None
        try:
            image, squashfs = self._tools.system()
            self._task = prepare(self._answers, image, self._probe, self._tools.runner, Resume.RESUME, None, self._packs)
        except (Error, OSError) as error:
            return self._failed("plan", _in_words(error))
        return self._install(self._task, image, squashfs)

    def _report(self, error: Error, stage: str = "") -> None:
        log.error("%s: %s (%s)", stage or "installation", error.message, error.hint)
        if not stage:
            stage = (self._task.journal.stage or "check") if self._task is not None else CONVERT
        verdict = (
            "STOPPED" if isinstance(error, Stopped) else "NOTHING TO DO" if isinstance(error, AlreadyInstalled) else "FAILED"
        )
        self._console.say(f"\n{verdict} at the step: {_STEPS.get(stage, stage)}")
        for line in error.message.splitlines():
            self._console.say(f"  {line}")
        hint = _HINT if "--resume" in error.hint else error.hint
        if hint:
            self._console.say(f"  -> {hint}")
        if self._task is not None:
            self._console.say(f"  log: {log_of(self._task.plan.disks[0].path)}")

    def _tell(self, stage: str, error: Error) -> None:
        tell_failure(stage, error, self._listener(), self._tools.emit)

    def _listener(self) -> Listener:
        url = self._words.webhook
        if self._answers is not None:
            url = self._answers.hooks.webhook or url
        elif self._found is not None:
            url = webhook_of(self._found.path) or url
        return Listener(url, self._trust_for(url), self._about) if url else Listener()

    def _trust_for(self, url: str) -> Trust:
        """The fingerprint names one server's certificate: it counts for the webhook only where that is the same server."""
        try:
            trust = self._ask().trust(patient=False)
        except Error:
            return Trust()  # what failed is being told of; its own trouble must not hide it
        named = [urlsplit(one).netloc.rpartition("@")[2] for one in (self._words.answers, self._words.post) if one]
        return trust if urlsplit(url).netloc.rpartition("@")[2] in named else Trust(ca=trust.ca)

    # ---- what somebody can do --------------------------------------------------------------------------------------

    def _leave_or_stay(self, code: int) -> int:
        """Somebody at the console is never left with a dead screen."""
        if not self._console.interactive:
            return code
        # None of these leaves: started anew, an unattended installation would begin again.
        more = [
            Choice("Open the wizard", lambda: self._again(self._wizard)),
            Choice("Install unattended by the answers that are found", lambda: self._again(self._unattended)),
            Choice(
                "Rescue: find installed hosts, open a shell in one, repair its boot loader",
                lambda: self._again(self._tools.rescue),
            ),
        ]
        choices = [*more, *self._always(), Choice("Leave", lambda: code)]
        return self._console.choose("What to do with this machine?", choices)

    def _always(self) -> list[Choice]:
        return [
            Choice("Shell", lambda: self._again(self._shell)),
            Choice("Gather logs into one file", lambda: self._again(self._logs)),
            Choice("Reboot", lambda: self._again(lambda: leave(After.REBOOT, self._tools.runner))),
            Choice("Power off", lambda: self._again(lambda: leave(After.POWEROFF, self._tools.runner))),
        ]

    def _again(self, act: Callable[[], object]) -> None:
        """Do it and come back to the same choice, also when it fails."""
        try:
            act()
        except (Error, OSError) as error:
            self._report_only(_in_words(error))
        except KeyboardInterrupt:
            self._console.say("Stopped.")

    def _report_only(self, error: Error) -> None:
        self._console.say(error.message + (f"\n  -> {error.hint}" if error.hint else ""))

    def _guarded(self, what: str, act: Callable[[], int]) -> int:
        try:
            return act()
        except (Error, OSError) as error:
            log.error("%s: %s", what, error)
            self._report_only(_in_words(error))
            return _in_words(error).exit_code
        except KeyboardInterrupt:
            return ExitCode.STOPPED

    def _wizard(self) -> int:
        """The wizard; answers that are found by the way are what it begins with."""
        try:
            self._found = self._found or find(self._ask())
        except (Error, OSError) as error:
            self._report_only(_in_words(error))
        return self._wizard_with(self._path())

    def _wizard_with(self, answers: Path | None) -> int:
        return self._guarded("wizard", lambda: self._tools.wizard(answers, ""))

    def _shell(self) -> int:
        self._console.say("A shell of the boot medium; `exit` comes back, `xeninstall start` begins anew.")
        return self._tools.interact(["bash", "--login"])

    def _logs(self) -> None:
        place = self._tools.state
        out = next(path for number in range(1, 1000) if not (path := place / f"xeninstall-logs-{number}.tar.gz").exists())
        targets = [self._task.plan.disks[0].path] if self._task else []
        bundle(out, [path for target in targets for path in (journal_of(target), log_of(target))], self._tools.runner)
        self._console.say(f"{out}: copy it to a USB stick, or away with scp")

    # ---- looking ---------------------------------------------------------------------------------------------------

    def _path(self) -> Path | None:
        return self._found.path if self._found else None

    def _ask(self) -> Ask:
        return Ask(
            words=self._words,
            runner=self._tools.runner,
            tell=self._console.say,
            profile=lambda: self._probe().to_json(),
            place=self._tools.state / "answers",
        )

    def _probe(self) -> Machine:
        machine = self._tools.probe()
        self._about = about(machine)
        return machine


_STEPS = {"words": "kernel command line", "plan": "checks and plan", CONVERT: "conversion"}
# On the medium nobody types the command again.
_HINT = "mend the cause, then go on where it stopped"
_COUNTDOWN = "Starting in {seconds} s; press a key to stop and open the wizard instead."


def _in_words(error: Error | OSError) -> Error:
    if isinstance(error, Error):
        return error
    where = f"{error.filename}: " if error.filename else ""
    return Error(f"{where}{error.strerror or error}", hint="see the log, mend the cause, and try again")
