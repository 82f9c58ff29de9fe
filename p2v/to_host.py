"""A conversion whose target is a host: the same run, with the machine sent over there, defined, and started if that is wanted."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event as Signal

from xeninstall.answers.model import Convert
from xeninstall.base.events import Emit
from xeninstall.base.run import Runner
from xeninstall.base.sizes import format_size
from xeninstall.machine.model import Machine

from .answers import as_answered, bridges_of, disks_of, mode_of, request_of
from .conversion import Conversion, Telling
from .convert import open_disks
from .deliver import Delivered, Order, deliver, first_login
from .greeting import greeted
from .guest.traits import with_traits
from .place import is_folder
from .preflight import Finding, Preflight, Severity, preflight
from .repaired import are_kept, repaired
from .request import Request, check_request
from .target.model import Peer, Storage, Target
from .target.password import Password, read_password
from .target.table import Access, open_target
from .vm.from_machine import from_machine
from .vm.model import VirtualMachine
from .wording import in_words_of_answers

# Repairs are kept here while the sending lasts, or waits to be gone on with.
SCRATCH = Path("/var/tmp/p2v")
_STAGES = ("repair", "login", "map", "copy", "verify", "define", "trial")


def conversion_to(
    answers: Convert,
    machine: Machine | None,
    runner: Runner,
    password: Password | None = None,
    passphrases: tuple[Password, ...] = (),
) -> Conversion:
    """The conversion that the answers describe, to whatever kind of target. Raises UsageError."""
    if answers.target is not None and not is_folder(answers.target):
        return HostConversion(answers, machine, runner, password, passphrases)
    return Conversion(answers, machine, runner, passphrases)


class HostConversion(Conversion):
    """See Conversion. `password` is one that somebody typed; the answers only name a file with one."""

    def __init__(
        self,
        answers: Convert,
        machine: Machine | None,
        runner: Runner,
        password: Password | None = None,
        passphrases: tuple[Password, ...] = (),
    ) -> None:
        super().__init__(answers, machine, runner, passphrases)
        if password is None and answers.password_file is not None:
            password = read_password(f"file:{answers.password_file}", "")
        by_ssh = "ssh" in self._target.partition("://")[0]
        key = answers.host_key or ""
        self._access = Access(
            host_key=key if by_ssh else "",
            identity=answers.identity or "",
            password=password,
            fingerprints=() if by_ssh or not key else (key,),
            ca=answers.ca or "",
        )
        with in_words_of_answers():
            open_target(self._target, self._access, runner).close()  # what is wrong with the address is said now

    @property
    def resumable(self) -> bool:
        """See Conversion: hosts of ours keep a journal, and the others nothing."""
        return self._target.startswith("ssh://")

    def stages(self) -> tuple[str, ...]:
        """See Conversion."""
        left_out = {"repair"} if not self.answers.repair else set()
        left_out |= {"verify"} if not self.answers.verify else set()
        left_out |= {"trial"} if not self.answers.test_boot else set()
        return tuple(name for name in _STAGES if name not in left_out)

    def look(self) -> tuple[Peer, tuple[Storage, ...]]:
        """Log in and see what there is. Raises Error."""
        with in_words_of_answers(), self._connected() as target:
            return first_login(target), tuple(target.storages())

    def preflight(self) -> Preflight:
        """See Conversion."""
        with in_words_of_answers(), self._connected() as target:
            room, greeting, peer = greeted(target, self._target)
            able = self._able(peer) if peer is not None else []
            request = self._request(target)
        found = preflight(request, self._wishes(), self._runner, room)
        return self._compared(replace(found, findings=(*greeting, *able, *found.findings)))

    def _able(self, peer: Peer) -> list[Finding]:
        """What it is to do there that it cannot."""
        wanted = self.answers
        if (wanted.start or wanted.test_boot) and not peer.modes:
            key = "start" if wanted.start else "test_boot"
            remedy = f"boot it with Xen, or leave convert.{key} out"
            return [Finding(Severity.REFUSED, peer.name, f"it runs no virtual machines ({peer.product})", remedy)]
        mode = mode_of(wanted)
        if mode is not None and peer.modes and mode not in peer.modes:
            remedy = f"write one of {', '.join(peer.modes)} as convert.mode, or leave it out"
            return [Finding(Severity.REFUSED, peer.name, f"it runs no {mode} machines", remedy)]
        return []

    def perform(self, emit: Emit, stop: Signal) -> dict[str, str]:
        """See Conversion."""
        telling = Telling(emit, self.stages())
        with in_words_of_answers(), self._connected() as target:
            request = self._request(target)
            files, begun = self._kept(request)
            # What a try left of which the repairs are gone cannot be gone on with.
            again = begun.found and not self.answers.discard and (not self.answers.repair or are_kept(files))
            order = replace(self._order(), discard=self.answers.discard or (begun.found and not again))
            if again:
                begun.set()
            done = self._send(replace(request, resume=again), order, target, files, telling, stop, begun)
        facts = {"images": ", ".join(done.places), "copied": telling.copied}
        facts |= {"trial start": done.tried} if done.tried else {}
        facts["virtual machine"] = f"{order.machine.name}: {order.machine.vcpus} vCPUs, {format_size(order.machine.memory_bytes)}"
        if done.started or done.how_to_start:
            facts["start it"] = f"it runs on {done.peer.name}" if done.started else done.how_to_start
        telling.finish(facts)
        return facts

    def _send(
        self,
        request: Request,
        order: Order,
        target: Target,
        files: list[Path],
        telling: Telling,
        stop: Signal,
        begun: "_Mark",
    ) -> Delivered:
        with ExitStack() as stack:
            wishes = self._wishes()
            if wishes is None:
                readers = open_disks(request, self._runner, stack)
            else:
                telling.begin("repair")
                ready = stack.enter_context(
                    repaired(
                        request,
                        files,
                        wishes,
                        self._runner,
                        telling,
                        again=not request.resume,
                        keep=begun.is_set,
                    )
                )
                readers, order = ready.readers, replace(order, machine=with_traits(order.machine, ready.traits))
            return deliver(request, order, target, readers, self._runner, telling, stop, begun)

    # ---- what is asked

    @contextmanager
    def _connected(self) -> Iterator[Target]:
        target = open_target(self._target, self._access, self._runner)
        try:
            yield target
        finally:
            target.close()

    def _request(self, target: Target) -> Request:
        disks = disks_of(self.answers, self._machine)
        form = self.answers.format.value if self.answers.format.value in target.formats else target.formats[0]
        request = replace(request_of(self.answers, disks, self._target), format=form, compress=False)
        check_request(request)
        self._vm().check()
        return request

    def _order(self) -> Order:
        wanted = self.answers
        order = Order(self._vm(), mode=mode_of(wanted), start=wanted.start, verify=wanted.verify)
        return replace(order, trial=wanted.test_boot, marker=wanted.test_marker or "")

    def _vm(self) -> VirtualMachine:
        name = self.answers.name or ""
        if self._machine is None:
            unknown = VirtualMachine(name, uuid=self._uuid, origin="converted by p2v from disks of an unknown machine")
            return as_answered(unknown, self.answers)
        bridges = bridges_of(self.answers, self._machine)
        return as_answered(from_machine(self._machine, name, (), bridges=bridges, uuid=self._uuid), self.answers)

    def _kept(self, request: Request) -> tuple[list[Path], "_Mark"]:
        """Where the repairs of each disk are kept, and the mark of a try that can be gone on with."""
        SCRATCH.mkdir(parents=True, exist_ok=True, mode=0o700)
        told = "\0".join([request.to, request.name, *request.disks])
        own = SCRATCH / hashlib.sha256(told.encode()).hexdigest()[:16]
        return [own.with_suffix(f".{number}.overlay") for number in range(len(request.disks))], _Mark(own.with_suffix(".begun"))


class _Mark:
    """See Begun: a file, which outlasts a power cut. One that is `found` is an earlier try's until this one is set or cleared."""

    def __init__(self, path: Path) -> None:
        self._path, self._is_set, self.found = path, False, path.exists()

    def is_set(self) -> bool:
        """Whether there is something to go on with, by the overlays of this run."""
        return self._is_set

    def set(self) -> None:
        """See Begun."""
        self._is_set = True
        self._path.touch()

    def clear(self) -> None:
        """See Begun."""
        self._is_set = False
        self._path.unlink(missing_ok=True)
