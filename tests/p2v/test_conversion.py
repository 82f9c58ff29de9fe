"""A conversion as answers describe it: one run of stages, gone on with after each failure, the source as it was."""

import json
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from p2v import conversion, copy
from p2v import trial as trial_start
from p2v.answers import as_answered, bridges_of, built_in, disks_of, request_of
from p2v.cli import main
from p2v.conversion import Conversion
from p2v.journal import journal_of
from p2v.preflight import Severity
from p2v.vm.console import TrialError
from p2v.vm.from_machine import from_machine
from p2v.vm.model import VirtualMachine
from tests.p2v.disks import MIB, sha
from tests.p2v.guest.real_disks import OLD_RELEASE, cat, ext4, gpt, piece, tree
from tests.p2v.vm.machines import RECORDED, recorded
from xeninstall.answers.model import Convert, NicBridge, Source
from xeninstall.base.errors import Error, RequirementError, Stopped, UsageError
from xeninstall.base.events import Event, Finished, Note, Progress, StageFinished, StageStarted
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.usefixtures("own_signals")
ANSWERS = """flow = "convert"
[convert]
name = "old"
target = "{to}"
format = "raw"
[[convert.source]]
path = "{old}"
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An old server's disk: a Debian by name only."""
    ext4(tmp_path / "root", tree(tmp_path / "t", OLD_RELEASE + "=== /bin/sh\n%elf\n=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n"), 24)
    gpt(tmp_path / "old.img", [("L", tmp_path / "root")])
    return tmp_path / "old.img"


def wanted(old: Path, to: Path, **more: Any) -> Convert:
    values = {"name": "old", "target": str(to), "format": "raw", "source": ({"path": str(old)},), "vcpus": 3, "memory": "1G"}
    return Convert.model_validate(values | more)


class Told:
    """Remembers events; may stop the run at the first byte of a stage."""

    def __init__(self, stop: threading.Event | None = None, at: str = "") -> None:
        self.events: list[Event] = []
        self._stop, self._at = stop, at

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self._stop is not None and isinstance(event, Progress) and event.stage == self._at and event.done_bytes:
            self._stop.set()

    @property
    def stages(self) -> list[tuple[str, int, int]]:
        return [(one.stage, one.number, one.total) for one in self.events if isinstance(one, StageStarted)]


@pytest.mark.root
def test_it_is_one_run_from_the_repairs_to_the_trial(tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def trial(vm: VirtualMachine, *_: object, **more: object) -> str:
        tried.append((vm, more))
        return "up after 3 s"

    monkeypatch.setattr(conversion, "trial_of_folder", trial)
    before, told, to = sha(old), Told(), tmp_path / "machines"
    job = Conversion(wanted(old, to, test_boot=True, test_marker="ready"), recorded("ten-nics"), SystemRunner())
    looked = job.preflight()
    assert not looked.refused and looked.read_bytes
    with monkeypatch.context() as without:
        without.setattr(trial_start, "PROGRAM", "qemu-of-nobody")
        assert "qemu-of-nobody is missing" in job.preflight().as_text()
        assert job.preflight().refused
    facts = job.perform(told, threading.Event())
    assert sha(old) == before
    assert told.stages == [(name, number, 6) for number, name in enumerate(job.stages(), 1)]
    assert [one.stage for one in told.events if isinstance(one, StageFinished)] == list(job.stages())
    assert isinstance(told.events[-1], Finished) and told.events[-1].facts == facts
    assert facts["virtual machine"] == "old: 3 vCPUs, 1 GiB" and facts["start it"] == f"xl create {to}/old.cfg"
    assert facts["trial start"] == "up after 3 s" and "all as they were read" in facts["compared"]
    assert tried[0][0].vcpus == 3 and tried[0][1] == {"marker": "ready"}
    assert "vcpus = 3\nmemory = 1024" in (to / "old.cfg").read_text()
    assert "UUID=" in cat(piece(to / "old.img", MIB, 24, tmp_path / "n"), "/etc/fstab")
    assert sorted(path.name for path in to.iterdir()) == [
        "old.cfg", "old.img", "old.img.p2v", "old.img.repairs.json", "old.img.repairs.txt", "old.xml",
    ]  # fmt: skip


@pytest.mark.root
def test_what_failed_after_the_copy_is_gone_on_with_and_nothing_is_copied_twice(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise TrialError("old does not start", hint="look")

    to, machine = tmp_path / "machines", recorded("nvme")
    with monkeypatch.context() as patched:
        patched.setattr(conversion, "trial_of_folder", fails)
        with pytest.raises(TrialError):
            Conversion(wanted(old, to, test_boot=True), machine, SystemRunner()).perform(Told(), threading.Event())
    made = (to / "old.img").stat()
    monkeypatch.setattr(conversion, "trial_of_folder", lambda *_, **__: "up")
    told = Told()
    Conversion(wanted(old, to, test_boot=True), machine, SystemRunner()).perform(told, threading.Event())
    assert [name for name, _, _ in told.stages] == ["define", "verify", "trial"]
    assert (to / "old.img").stat().st_mtime_ns == made.st_mtime_ns
    assert not list(to.glob("*state*"))
    # Finished, it is nobody's to go on with: the same again would overwrite it.
    with pytest.raises(UsageError, match=r"old\.img exists already"):
        Conversion(wanted(old, to), machine, SystemRunner()).perform(Told(), threading.Event())


@pytest.mark.root
def test_a_run_that_goes_on_defines_the_machine_as_an_unbroken_one_does(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The medium was started by UEFI, the system on the disk by BIOS: only the repairs know that."""
    to, same, file = tmp_path / "machines", uuid.uuid4(), RECORDED / "uefi-plain.json"
    monkeypatch.setattr(uuid, "uuid4", lambda: same)

    def definitions() -> dict[str, bytes]:
        found = {path.name: path.read_bytes() for path in (to / "old.cfg", to / "old.xml")}
        shutil.rmtree(to)
        return found

    def by_answers(stop: threading.Event, **more: Any) -> None:
        Conversion(wanted(old, to, **more), recorded("uefi-plain"), SystemRunner()).perform(Told(stop, "copy"), stop)

    def by_options(*more: str) -> int:
        to.mkdir(exist_ok=True)
        argv = ["convert", str(old), "--repair", "--define", "--machine", str(file), "--to", str(to / "old.img"), *more]
        return main([*argv, "--format", "raw", "--name", "old"])

    Conversion(wanted(old, to), recorded("uefi-plain"), SystemRunner()).perform(Told(), threading.Event())
    whole = definitions()
    assert b'firmware = "seabios"' in whole["old.cfg"]
    with pytest.raises(Stopped):
        by_answers(threading.Event(), limit="1M")
    Conversion(wanted(old, to), recorded("uefi-plain"), SystemRunner()).perform(Told(), threading.Event())
    assert definitions() == whole

    assert by_options() == 0
    whole = definitions()
    assert b'firmware = "seabios"' in whole["old.cfg"]
    with monkeypatch.context() as patched:
        patched.setattr(copy.Copy, "run", _interrupted)
        assert by_options() == 4
    overlays = {path: path.read_bytes() for path in to.glob("*.overlay")}
    (traits,) = to.glob("*.traits")
    kept = traits.read_bytes()
    traits.unlink()
    assert by_options("--resume") == 2 and "the repairs of the stopped run are not beside" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in to.glob("*.overlay")} == overlays
    traits.write_bytes(kept)
    assert by_options("--resume") == 0
    assert definitions() == whole


def _interrupted(_: object) -> None:
    raise Stopped("the copy was stopped")


def test_a_stopped_copy_goes_on_with_the_next_try(tmp_path: Path) -> None:
    disk = tmp_path / "big.img"
    disk.write_bytes(bytes(range(256)) * (8 * MIB // 256))
    to, stop = tmp_path / "machines", threading.Event()
    answers = wanted(disk, to, repair=False, limit="4M")
    with pytest.raises(Stopped):
        Conversion(answers, recorded("nvme"), SystemRunner()).perform(Told(stop, "copy"), stop)
    assert journal_of(to / "big.img").exists() and not (to / "old.cfg").exists()
    told = Told()
    Conversion(answers, recorded("nvme"), SystemRunner()).perform(told, threading.Event())
    assert sha(to / "big.img") == sha(disk)
    assert [name for name, _, _ in told.stages] == ["map", "copy", "define", "verify"]


@pytest.mark.parametrize(
    ("form", "written", "how"),
    [
        ("vdi", ["old.xml"], "virsh define {to}/old.xml && virsh start old"),
        ("vmdk", [], "import it into VMware or VirtualBox, or make a qcow2 of it: qemu-img convert -O qcow2"),
        ("ova", [], "import it into VMware or VirtualBox: the OVF in it describes the machine"),
        ("xva", [], "xe vm-import filename={to}/old.xva"),
    ],
)
def test_what_no_hypervisor_runs_gets_no_definition_and_is_not_tried(
    tmp_path: Path, form: str, written: list[str], how: str
) -> None:
    disk, to, told = tmp_path / "old.img", tmp_path / "machines", Told()
    disk.write_bytes(b"x" * MIB)
    answers = wanted(disk, to, repair=False, format=form, verify=False)
    facts = Conversion(answers, recorded("nvme"), SystemRunner()).perform(told, threading.Event())
    assert facts["start it"] == how.format(to=to)
    assert sorted(path.name for path in to.iterdir() if path.suffix in (".cfg", ".xml")) == written
    said = [one.text for one in told.events if isinstance(one, Note) and one.warning]
    assert any(f"cannot run {form}: " in text for text in said)


@pytest.mark.parametrize("form", ["ova", "xva"])
def test_a_trial_start_of_an_archive_is_refused_before_anything_moves(tmp_path: Path, form: str) -> None:
    disk, to, told = tmp_path / "old.img", tmp_path / "machines", Told()
    disk.write_bytes(b"x" * MIB)
    job = Conversion(wanted(disk, to, repair=False, format=form, test_boot=True), recorded("nvme"), SystemRunner())
    (refused,) = [one for one in job.preflight().findings if one.severity is Severity.REFUSED]
    assert f"QEMU starts no machine from {form}" in refused.text and "convert.test_boot" in refused.remedy
    with pytest.raises(RequirementError, match=f"QEMU starts no machine from {form}"):
        job.perform(told, threading.Event())
    assert not list(to.glob("*")) and not told.stages


def test_disks_are_named_for_good_and_the_targets_own_is_left_out() -> None:
    machine = recorded("bios-two-disks")
    first, second = (disk for disk in machine.disks if disk.bus == "sata")
    plain = Convert.model_validate({"name": "old", "target": "/mnt"})
    assert [disk.path for disk in built_in(machine)] == [first.path, second.path]  # and not the stick
    assert disks_of(plain, machine) == (first.path, second.path)
    assert disks_of(plain, machine, keep=(second.path,)) == (first.path,)
    by_serial = plain.model_copy(update={"source": (Source(serial=second.serial), Source(path="/srv/x.img"))})
    assert disks_of(by_serial, machine) == (second.path, "/srv/x.img")
    with pytest.raises(RequirementError, match="no disk with the serial nobody"):
        disks_of(plain.model_copy(update={"source": (Source(serial="nobody"),)}), machine)
    with pytest.raises(RequirementError, match="no disk that could be converted"):
        disks_of(plain, recorded("vmd-no-disks"))
    with pytest.raises(UsageError, match="the machine is not known"):
        disks_of(plain, None)
    assert request_of(plain, ("/dev/sda",), "/mnt").format == "qcow2"


def test_cards_go_to_their_bridges() -> None:
    machine = recorded("ten-nics")
    nics = (NicBridge(nic=machine.nics[1].mac, bridge="dmz"), NicBridge(nic=machine.nics[2].name, bridge="lan"))
    answers = Convert(name="old", target="/mnt", bridge="br0", nics=nics, memory="auto", vcpus="auto")
    vm = as_answered(from_machine(machine, "old", (), bridges=bridges_of(answers, machine)), answers)
    found = {nic.mac: nic.bridge for nic in vm.nics}
    assert found.pop(machine.nics[1].mac) == "dmz" and found.pop(machine.nics[2].mac) == "lan" and set(found.values()) == {"br0"}
    assert vm.vcpus == machine.cpu.threads
    with pytest.raises(UsageError, match=r"convert\.nics names eth77, and this machine has no such card"):
        bridges_of(answers.model_copy(update={"nics": (NicBridge(nic="eth77", bridge="x"),)}), machine)


@pytest.mark.root
def test_the_command_line_takes_an_answer_file(tmp_path: Path, old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, to = tmp_path / "answers.toml", tmp_path / "machines"
    path.write_text(
        f'flow = "convert"\n[convert]\nname = "old"\ntarget = "{to}"\nformat = "raw"\n[[convert.source]]\npath = "{old}"\n'
    )
    machine = ["--machine", str(RECORDED / "nvme.json")]
    assert main(["convert", "--answers", str(path), *machine, "--json"]) == 0
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert out[-1]["event"] == "Finished" and (to / "old.xml").exists()
    for arguments, message in (
        ([str(old)], "a DISK is given beside --answers"),
        (["--repair"], "--repair is given beside --answers"),
        (["--to", "x"], "--to is given beside --answers"),
    ):
        assert main(["convert", "--answers", str(path), *arguments]) == 2
        assert message in capsys.readouterr().err
    path.write_text('[root]\nssh_keys = ["ssh-ed25519 ' + "A" * 68 + '"]\n')
    assert main(["convert", "--answers", str(path)]) == 2
    assert "is to make a host" in capsys.readouterr().err
    path.write_text('flow = "convert"\n[convert]\nname = "a/b"\n')
    assert main(["convert", "--answers", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}:3: convert.name" in said and f"{path}:2: convert.target: missing" in said
    assert main(["convert"]) == 2
    assert "no disk was named" in capsys.readouterr().err


@pytest.mark.root
def test_the_boot_medium_finds_it_and_refuses_before_anything_moves(tmp_path: Path, old: Path) -> None:
    from importlib.metadata import entry_points

    from xeninstall.answers.load import load

    (point,) = entry_points(group="xeninstall.unattended", name="convert")
    flow, path, to = point.load(), tmp_path / "answers.toml", tmp_path / "machines"
    text = ANSWERS.format(to=to, old=old)
    path.write_text(text)
    answers = load(path)
    said = flow.head(answers, recorded("nvme"))
    assert f"This machine becomes the virtual machine old at {to}; its disks are only read." in said
    assert "Old Debian: it can be repaired" in said and "to copy, about" in said
    assert flow.perform(answers, recorded("nvme"), SystemRunner(), lambda event: None)["start it"] == f"xl create {to}/old.cfg"
    path.write_text(text.replace(str(old), str(tmp_path / "gone.img")))
    with pytest.raises(Error, match=r"gone\.img"):
        flow.head(load(path), recorded("nvme"))
