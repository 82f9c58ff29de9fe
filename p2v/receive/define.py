"""The received machine as a guest of this host: xl's file, and its start. What the other end says of it is checked here again."""

from dataclasses import replace
from pathlib import Path

from xeninstall.base.errors import Error, UsageError
from xeninstall.base.run import CommandError, MissingTool, Runner

from ..beside import write_beside
from ..sink.model import TargetError
from ..target.names import plain
from ..vm.model import DiskImage, Mode, VirtualMachine, from_json
from ..vm.xl import xl_config
from .incoming import Incoming
from .store import settle


def modes(runner: Runner) -> tuple[Mode, ...]:
    """How this host runs guests, the best first for a machine from elsewhere; empty without Xen."""
    try:
        done = runner.run(["xl", "info"], check=False)
    except MissingTool:
        return ()
    if done.status != 0:
        return ()
    capable = next((line for line in done.stdout.splitlines() if line.startswith("xen_caps")), "")
    return (Mode.HVM, Mode.PVH, Mode.PV) if "hvm-" in capable else (Mode.PV,)


def config_of(folder: Path, name: str) -> Path:
    """xl's file of a machine."""
    return folder / f"{plain(name)}.cfg"


def runs(name: str, runner: Runner) -> bool:
    """Whether there is a guest of this name."""
    try:
        return runner.run(["xl", "domid", name], check=False).status == 0
    except MissingTool:
        return False


def machine(told: str, incoming: Incoming) -> VirtualMachine:
    """What the other end says, with our own name and disks. Raises TargetError."""
    try:
        vm = from_json(told)
        if any(type(number) is not int for number in (vm.sockets, vm.cores, vm.threads, vm.memory_bytes)):
            raise TypeError("numbers are expected")
        checked = replace(
            vm,
            name=incoming.name,
            disks=tuple(DiskImage(disk.path, "raw", disk.size_bytes) for disk in incoming.disks),
            origin=_line(vm.origin),
            remarks=tuple(_line(remark) for remark in vm.remarks[:20]),
            uuid=_line(vm.uuid)[:36],
        )
        checked.check()
    except UsageError as error:
        raise TargetError(error.message, hint=error.hint) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise TargetError(
            "the machine's description cannot be understood", hint="use the same version of p2v on both ends"
        ) from None
    return checked


def define(vm: VirtualMachine, mode: Mode, incoming: Incoming) -> Path:
    """Write xl's file; the disks get their names first. Raises TargetError."""
    path = Path(incoming.config)
    try:
        text = xl_config(vm, mode)
    except Error as error:
        raise TargetError(error.message, hint=error.hint) from None
    for disk in incoming.disks:
        settle(disk.place)
    try:
        write_beside(path, text, "see that its folder is there, and has room")
    except Error as error:
        raise TargetError(error.message, hint=error.hint) from None
    return path


def start(path: Path, runner: Runner) -> None:
    """`xl create`. Raises TargetError."""
    try:
        runner.run(["xl", "create", str(path)])
    except MissingTool:
        raise TargetError(
            "this host runs no Xen: it has no program xl", hint="boot it with Xen, then: xl create " + str(path)
        ) from None
    except CommandError as error:
        raise TargetError(f"{path} was defined, but does not start: {error.said}", hint=f"see: xl -vvv create {path}") from None


def _line(text: object) -> str:
    """One line of a comment, whatever was sent."""
    return "".join(sign if sign.isprintable() else " " for sign in str(text))[:300]
