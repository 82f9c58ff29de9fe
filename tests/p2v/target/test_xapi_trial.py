"""A trial start in a pool, against the stand-in: a clone without cards comes to a login and goes. No real pool was at hand."""

import json
from pathlib import Path

import pytest

from p2v.target import xapi_trial
from tests.p2v.disks import MIB, sparse
from tests.p2v.target.certificate import Certificate
from tests.p2v.target.xapi_double import Cut, Pool
from tests.p2v.target.xapi_sent import MACHINE, send, whole

CALLS = [
    "VM.clone",
    "VM.get_VIFs",
    "VIF.destroy",
    "VM.set_memory_limits",
    "VM.start",
    "VM.get_consoles",
    "console.get_protocol",
    "console.get_location",
    "task.get_all_records",
    "VM.get_by_name_label",
    "VM.get_VBDs",
    "VBD.get_VDI",
    "VM.get_power_state",
    "VM.hard_shutdown",
    "VM.destroy",
    "VDI.destroy",
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xapi_trial, "_CONSOLE_SECONDS", 0.2)
    monkeypatch.setattr(xapi_trial, "_GONE_SECONDS", 0.2)
    monkeypatch.setattr(xapi_trial, "_WAIT_SECONDS", 0.05)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return sparse(tmp_path / "old.img", 6 * MIB, (0, 2, 3, 5), seed=6)


def tried(pool: Pool, certificate: Certificate, disk: Path, *more: str) -> int:
    return send(pool, certificate, disk, "--machine", str(MACHINE), "--trial", *more)


@pytest.mark.parametrize("says", [b"Debian GNU/Linux 13 old hvc0\r\n\r\nold login: ", b"it is up"])
def test_a_machine_that_comes_to_a_login_is_converted(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str], says: bytes
) -> None:
    pool.says = [says]
    assert tried(pool, certificate, disk, "--marker", "it is up", "--start") == 0
    assert whole(pool, disk)
    ((vm,), (clone,)) = pool.vms.values(), pool.trials
    assert vm["power_state"] == "Running" and clone["name_label"].startswith("old (p2v trial ")
    assert int(clone["memory_static_max"]) <= 4 << 30 and int(clone["VCPUs_at_startup"]) <= 2
    assert int(vm["VCPUs_at_startup"]) == int(vm["VCPUs_max"])
    assert "old was up after" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("says", "ends", "message"),
    [
        ([b"Kernel panic - not syncing: no root\r\n"], False, "old does not start: it stopped while starting"),
        ([b"Booting\r\n"], True, "old does not start: it ended by itself"),
        ([b"Booting\r\n"] * 9, False, "old does not start: it starts again and again"),
    ],
)
def test_one_that_does_not_is_not_said_to_be_and_stays_whole(
    pool: Pool,
    certificate: Certificate,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    says: list[bytes],
    ends: bool,
    message: str,
) -> None:
    pool.says, pool.ends_after_speech = says, ends
    assert tried(pool, certificate, disk) == 1
    said = capsys.readouterr().err
    assert message in said and "is complete there and stays" in said
    assert whole(pool, disk)


def test_a_restart_is_listened_to_again(pool: Pool, certificate: Certificate, disk: Path) -> None:
    pool.says = [b"Relabelling, then a restart\r\n", b"old login: "]
    assert tried(pool, certificate, disk) == 0
    assert whole(pool, disk)


@pytest.mark.parametrize(
    ("consoles", "at", "message"),
    [
        (("rfb",), "https://127.0.0.1", "old was not tried: 127.0.0.1 has no text console of it, only rfb"),
        ((), "https://127.0.0.1", "has no text console of it, none at all"),
        (("vt100",), "http://127.0.0.1", "has a console at a place without TLS"),
    ],
)
def test_one_whose_console_cannot_be_read_is_not_said_to_have_been_tried(
    pool: Pool,
    certificate: Certificate,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    consoles: tuple[str, ...],
    at: str,
    message: str,
) -> None:
    pool.consoles, pool.console_at = consoles, at
    assert tried(pool, certificate, disk) == 1
    said = capsys.readouterr().err
    assert message in said and "is complete there and stays" in said
    assert whole(pool, disk)


@pytest.mark.parametrize("when", ["before", "during", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_a_lost_connection_leaves_no_clone_behind(
    pool: Pool, certificate: Certificate, disk: Path, call: str, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first of some calls is the definition's.
    pool.cut = Cut(f"{when} {call}", 2 if call == "task.get_all_records" else 1)
    assert tried(pool, certificate, disk) == 0
    said = capsys.readouterr().err
    assert whole(pool, disk)
    assert "correct horse" not in said and "OpaqueRef" not in said and "was removed" not in said


@pytest.mark.parametrize("phase", ["before a console", "in a console"])
def test_a_console_that_is_lost_is_opened_again(pool: Pool, certificate: Certificate, disk: Path, phase: str) -> None:
    pool.says, pool.cut = [b"Booting\r\n", b"old login: "] if phase == "in a console" else [b"old login: "], Cut(phase)
    assert tried(pool, certificate, disk) == 0
    assert whole(pool, disk)


@pytest.mark.parametrize("call", ["VM.start", "VM.destroy", "VDI.destroy"])
def test_a_clone_that_cannot_be_removed_is_named(
    pool: Pool, certificate: Certificate, disk: Path, call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.cut = Cut(f"before {call}", for_good=True)
    tried(pool, certificate, disk)
    said = capsys.readouterr().err
    (label,) = {vm["name_label"] for vm in pool.vms.values()} - {"old"} or {""}
    assert f"the machine {label or 'old (p2v trial '}" in said and "may be left there" in said


def test_an_interrupted_trial_leaves_no_clone_behind(
    pool: Pool, certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("p2v.target.xapi_delivery.XapiDelivery.look", interrupt)
    assert tried(pool, certificate, disk) != 0
    assert whole(pool, disk)


def test_thick_storage_has_to_hold_the_clone_too(
    certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XAPI_PASSWORD", "correct horse")
    pool = Pool(certificate, kind="lvm", free=10 * MIB)
    assert tried(pool, certificate, disk) == 3
    assert "has 10 MiB left, and 12 MiB are taken there at once" in capsys.readouterr().err
    pool.close()


def test_the_machine_that_was_recorded_has_a_card_to_be_removed() -> None:
    assert json.loads(MACHINE.read_text())["nics"]
