"""A bootstrap carried out: stage by stage, with a journal, so that whatever stops it, it goes on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xeninstall.apply.ending import Ending, narrated
from xeninstall.apply.hooks import run_hook
from xeninstall.apply.host_files import carry_out, inside, write_file
from xeninstall.apply.journal import LAST_STAGE, Journal
from xeninstall.base.errors import Error
from xeninstall.base.events import Emit, Finished, Note, StageFinished
from xeninstall.base.run import Runner
from xeninstall.plan.model import MakeLink, Remove, RunHook, SetRootPassword, WriteFile

from .model import BootstrapAction, BootstrapPlan, BootXenOnce, Command, InstallDebs, KeepAnswers, TryNetwork
from .packages import APT, INSTALL, NO_RECOMMENDS
from .places import APT_LOG, AWAITED, JOURNAL, MISSED
from .prove import Prover, Session
from .trial import Trial

APT_UNIT = "xeninstall-apt.service"
_NO_SEED = "0" * 32  # nothing here is made up at random
_QUIET = ("DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1", "APT_LISTCHANGES_FRONTEND=none", "LC_ALL=C.UTF-8")


@dataclass(frozen=True)
class Surroundings:
    """Where a run works, and what it hangs on. `root` is / but for tests."""

    runner: Runner
    emit: Emit
    rollback_seconds: int
    session: Session | None
    root: Path = Path("/")


def new_journal(plan: BootstrapPlan) -> Journal:
    """A journal for a run of this plan."""
    return Journal(seed=_NO_SEED, plan=plan.answers, target="/")


def execute(plan: BootstrapPlan, journal: Journal, around: Surroundings) -> None:
    """Carry the plan out. Raises Error, Stopped after Ctrl+C; both can be resumed."""
    started, emit = time.monotonic(), around.emit
    place = inside(around.root, JOURNAL)
    work = _Work(around)
    ending = Ending(emit, journal, lambda: _write(journal, place))
    ending.recording = True
    with ending.told():
        for number, stage in enumerate(plan.stages, 1):
            ending.stage = stage.name
            if not stage.actions:
                emit(StageFinished(stage.name, 0.0, skipped=True))
                continue
            journal.state, journal.stage, journal.message = "running", stage.name, ""
            _write(journal, place)
            with narrated(stage.name, stage.title, number, len(plan.stages), emit):
                for action in stage.actions:
                    work.do(action)
            journal.finished.append(stage.name)
        journal.state, journal.stage = "done", ""
        if LAST_STAGE not in journal.finished:
            journal.finished.append(LAST_STAGE)
        _write(journal, place)
    emit(Finished(time.monotonic() - started, plan.facts))


def go_back_if_half_way(runner: Runner, emit: Emit, root: Path = Path("/")) -> None:
    """What a killed run left: packages are installed to the end, an unconfirmed network goes back to what it was."""
    way = Trial(runner, root).way
    if way.waits:
        emit(Note("an earlier network change was not confirmed: it is put back first", warning=True))
        way.back()
    way.tidy()
    if wait_for_apt(runner, lambda: emit(Note("an earlier run's apt is still at work: waiting for it"))):
        emit(Note("an earlier run's apt has come to its end"))


def wait_for_apt(runner: Runner, say: Callable[[], None], pause: float = 5.0) -> bool:
    """Until apt, which outlives a run that is killed, has ended. False when there was none."""
    waited = False
    while runner.run(["systemctl", "is-active", APT_UNIT], check=False).stdout.strip() in ("active", "activating"):
        if not waited:
            say()
        waited = True
        time.sleep(pause)
    return waited


def _write(journal: Journal, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(0o700)
    journal.write(place)


class _Work:
    """One run's tools, and the one `match` over actions."""

    def __init__(self, around: Surroundings) -> None:
        self.around, self.runner, self.root = around, around.runner, around.root

    def do(self, action: BootstrapAction) -> None:
        """One action's effect."""
        match action:
            case WriteFile() | MakeLink() | Remove():
                carry_out(self.root, action)
            case SetRootPassword(hash=secret):
                self.runner.run(["chpasswd", "--encrypted"], stdin=f"root:{secret.get_secret_value()}\n".encode())
            case RunHook():
                run_hook(action, self.root, self.runner)
            case InstallDebs(names=names):
                self._install(names)
            case Command(argv=argv):
                self.runner.run(list(argv))
            case TryNetwork():
                self._try(action)
            case BootXenOnce():
                self._boot_xen_once(action)
            case KeepAnswers(text=text):
                write_file(self.root, WriteFile(path="/etc/xeninstall/answers.toml", text=text, mode=0o640))

    def _install(self, names: tuple[str, ...]) -> None:
        """Download everything first, so that nothing is half installed for want of a mirror."""
        inside(self.root, APT_LOG).parent.mkdir(parents=True, exist_ok=True)
        self._apt(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"])
        self._apt([*INSTALL, NO_RECOMMENDS, "--download-only", *names])
        # Not with --no-download, which apt cannot do for packages of file: sources.
        self._apt([*INSTALL, NO_RECOMMENDS, *names])

    def _apt(self, argv: list[str]) -> None:
        """In a unit of systemd's: dpkg must not be killed with us, whatever happens to the session."""
        settings = [f"--setenv={variable}" for variable in _QUIET]
        output = [f"--property={stream}=append:{APT_LOG}" for stream in ("StandardOutput", "StandardError")]
        unit = ["systemd-run", "--quiet", "--collect", "--wait", f"--unit={APT_UNIT}", *output, *settings, "--", *argv]
        done = self.runner.run(unit, check=False)
        if done.status != 0:
            text = inside(self.root, APT_LOG)
            said = text.read_text(errors="replace").splitlines()[-40:] if text.is_file() else []
            errors = [line for line in said if line.startswith(("E: ", "dpkg: error"))] or said[-3:] or [done.stderr.strip()]
            raise Error(
                f"{argv[0]} failed: {'; '.join(errors)[:600]}",
                hint=f"see {APT_LOG}, mend the cause, then use the same command with --resume",
            )

    def _try(self, action: TryNetwork) -> None:
        trial, around = Trial(self.runner, self.root), self.around
        trial.begin(action, around.rollback_seconds)
        prover = Prover(self.runner, action.addresses, action.gateway, around.session, action.leased)
        trial.wait(prover, around.rollback_seconds, lambda text: around.emit(Note(text)))
        around.emit(Note("the new network is confirmed"))

    def _boot_xen_once(self, action: BootXenOnce) -> None:
        self.runner.run(["update-grub"])
        menu = inside(self.root, "/boot/grub/grub.cfg").read_text(errors="replace")
        if f"'{action.xen}'" not in menu:
            raise Error(
                f"update-grub has made no entry {action.xen} for Xen",
                hint="see that /boot has Xen and a kernel that can be dom0, then use the same command with --resume",
            )
        inside(self.root, MISSED).unlink(missing_ok=True)
        write_file(self.root, WriteFile(path=AWAITED, text=f"{action.xen}\n"))
        self.runner.run(["grub-set-default", action.linux])
        self.runner.run(["systemctl", "daemon-reload"])
        self.runner.run(["grub-reboot", action.xen])


def refresh_lists(runner: Runner) -> None:
    """Ask the package sources anew. Raises Error when one cannot be reached: nothing was changed but the lists."""
    done = runner.run([*APT, "-o", "APT::Update::Error-Mode=any", "update"], check=False)
    if done.status != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith(("E: ", "W: ", "Err:"))]
        raise Error(
            f"the package sources cannot be read: {'; '.join(lines)[:600] or done.stderr.strip()[:300]}",
            hint="mend /etc/apt/sources.list, the network or the proxy; nothing was changed",
        )
