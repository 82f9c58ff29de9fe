"""What becomes of a machine on its target when something fails: half-done it is removed or gone on with, whole it stays."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from p2v import sending, target_trial
from p2v.cli import main
from tests.p2v.disks import sha
from tests.p2v.target.certificate import Certificate
from tests.p2v.target.xapi_double import Pool
from tests.p2v.target.xl_double import Xl

MACHINE = Path(__file__).parents[2] / "data" / "machines" / "bios-two-disks.json"
LOGIN = "old login: "
Send = Callable[..., int]


@pytest.fixture(autouse=True)
def quick(xl: Xl, monkeypatch: pytest.MonkeyPatch) -> None:
    xl.plays(LOGIN)
    monkeypatch.setattr(sending, "WAITS_SECONDS", (0.1,) * 4)


def whole(tmp_path: Path, small: Path) -> bool:
    """Whether the machine is there, and nothing else."""
    folders = [tmp_path / name for name in ("images", "configs", "state")]
    there = sorted(str(path.relative_to(tmp_path)) for folder in folders for path in folder.rglob("*") if not path.is_dir())
    return there == ["configs/vm.cfg", "images/vm-disk0.img"] and sha(tmp_path / "images/vm-disk0.img") == sha(small)


@pytest.mark.parametrize("phase", ["before VM.start", "after VM.start"])
def test_a_machine_of_a_pool_stays_when_its_start_is_lost(
    tmp_path: Path, small: Path, phase: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XAPI_PASSWORD", "correct horse")
    certificate = Certificate(tmp_path / "pool", "xcp1")
    pool = Pool(certificate)
    pool.cut_at = {phase: 1}
    login = ["--password", "env:XAPI_PASSWORD", "--fingerprint", certificate.fingerprint]
    try:
        assert main(["convert", str(small), "--to", pool.to, *login, "--name", "vm", "--machine", str(MACHINE), "--start"]) == 1
    finally:
        pool.close()
    said = capsys.readouterr().err
    assert "the machine vm is complete there and stays; whether it was started is not known" in said
    assert "or start it with: xe vm-start uuid=" in said and "removed" not in said and "--resume" not in said
    ((vm,), (vdi,)) = pool.vms.values(), pool.vdis.values()
    assert vm["power_state"] == ("Running" if phase.startswith("after") else "Halted")
    assert bytes(vdi["data"][: small.stat().st_size]) == small.read_bytes()


def test_a_machine_of_a_host_stays_when_its_start_is_lost(
    send_to_xen: Send, xl: Xl, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xl.plays(lost=True)
    assert send_to_xen("--start") == 1
    said = capsys.readouterr().err
    assert "the machine vm is complete there and stays; whether it was started is not known" in said
    assert f"or start it with: xl create {tmp_path}/configs/vm.cfg" in said and "--resume" not in said
    assert xl.domains == ["vm"] and whole(tmp_path, small)
    for option in ("--resume", "--discard"):
        assert send_to_xen(option) == 1
        assert f"there is a machine vm already: {tmp_path}/configs/vm.cfg" in capsys.readouterr().err
    assert whole(tmp_path, small), "what may run is nobody's to remove"


def stopped_in_its_trial(send_to_xen: Send, xl: Xl, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(target_trial, "_await_login", interrupted)
        assert send_to_xen("--trial") == 4
    assert xl.domains == []


def test_one_that_was_stopped_in_its_trial_is_dropped_with_its_definition(
    send_to_xen: Send, xl: Xl, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_in_its_trial(send_to_xen, xl, monkeypatch)
    assert (tmp_path / "configs/vm.cfg").exists() and (tmp_path / "state/vm/state.json").exists()
    assert send_to_xen("--trial", "--discard") == 0
    assert xl.domains == [] and whole(tmp_path, small)


def test_one_that_was_stopped_in_its_trial_is_gone_on_with(
    send_to_xen: Send, xl: Xl, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_in_its_trial(send_to_xen, xl, monkeypatch)
    assert send_to_xen("--trial", "--resume") == 0
    assert whole(tmp_path, small)


def test_a_machine_that_somebody_started_is_not_dropped(
    send_to_xen: Send, xl: Xl, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped_in_its_trial(send_to_xen, xl, monkeypatch)
    config = tmp_path / "configs/vm.cfg"
    subprocess.run([xl.folder / "xl", "create", config], check=True)
    for option in ("--discard", "--resume"):
        assert send_to_xen("--trial", option) == 1
        said = capsys.readouterr().err
        assert "vm was sent whole and runs here" in said and "xl destroy vm" in said
    assert config.exists() and sha(tmp_path / "images/vm-disk0.img") == sha(small)


def test_a_machine_that_runs_stays_when_its_twin_cannot_be_removed(
    send_to_xen: Send, xl: Xl, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xl.plays(LOGIN, destroy="busy")
    assert send_to_xen("--trial", "--start") == 1
    said, (twin, own) = capsys.readouterr().err, xl.domains
    assert own == "vm" and f"the trial start {twin} does not end" in said and f"xl destroy {twin}" in said
    assert "the machine vm is complete there and stays, and was started" in said and "removed: look" not in said
    assert (tmp_path / "configs/vm.cfg").exists() and sha(tmp_path / "images/vm-disk0.img") == sha(small)
    # Whoever sends one of this name next removes what was left.
    xl.plays(LOGIN)
    for path in ("configs/vm.cfg", "images/vm-disk0.img"):
        (tmp_path / path).unlink()
    assert send_to_xen("--trial") == 0
    assert xl.domains == ["vm"] and whole(tmp_path, small)
