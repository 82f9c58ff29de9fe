"""A machine to XCP-ng, against the stand-in of `xapi_double`: no real pool was at hand."""

import json
import logging
import random
import time
from pathlib import Path

import pytest

from p2v.cli import main
from p2v.target import xapi_delivery, xapi_stream
from p2v.target.xapi_calls import Calls
from tests.p2v.disks import MIB, sparse
from tests.p2v.target.certificate import Certificate
from tests.p2v.target.xapi_double import Cut, Pool
from tests.p2v.target.xapi_sent import MACHINE, nothing_left, send, whole


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return sparse(tmp_path / "old.img", 31 * MIB + 512, (0, 3, 4, 5, 6, 7, 8, 20), seed=6)


def test_a_machine_arrives_with_its_disk_and_its_cards(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert send(pool, certificate, disk, "--machine", str(MACHINE), "--bridge", "xenbr0", "--start", "--json") == 0
    (vdi,), (vm,) = pool.vdis.values(), pool.vms.values()
    assert bytes(vdi["data"][: disk.stat().st_size]) == disk.read_bytes() and len(vdi["data"]) == 32 * MIB
    assert vm["power_state"] == "Running" and vm["name_label"] == "old"
    assert (vm["platform"]["viridian"], vm["platform"]["timeoffset"]) == ("false", "0")
    assert [(vbd["userdevice"], vbd["bootable"]) for vbd in pool.vbds.values()] == [("0", True)]
    told = json.loads(MACHINE.read_text())
    assert sorted(vif["MAC"] for vif in pool.vifs.values()) == sorted(nic["mac"].lower() for nic in told["nics"])
    assert vdi["other_config"] == {} and not pool.sessions and not pool.tasks
    out = capsys.readouterr()
    assert "correct horse" not in out.out + out.err + caplog.text


def test_what_is_not_in_use_is_zero_on_thick_storage(
    certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAPI_PASSWORD", "correct horse")
    pool = Pool(certificate, kind="lvmoiscsi")
    assert send(pool, certificate, disk) == 0
    (vdi,) = pool.vdis.values()
    assert bytes(vdi["data"]) == disk.read_bytes().ljust(32 * MIB, b"\0")
    assert pool.breaches == []
    pool.close()


def test_a_disk_that_the_storage_cannot_hold_is_refused_before_anything_is_made(
    pool: Pool, certificate: Certificate, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "large.img").open("wb") as file:
        file.truncate(3 << 40)
    pool.free = 10 << 40
    assert send(pool, certificate, tmp_path / "large.img") == 3
    assert "large.img has 3 TiB, and Local storage on 127.0.0.1 (ext) takes disks of 2040 GiB at most" in capsys.readouterr().err
    pool.formats = ("vhd", "qcow2")
    pool.fails = {"VDI.create": ["RBAC_PERMISSION_DENIED", "VDI.create"]}
    assert send(pool, certificate, tmp_path / "large.img") == 1
    assert pool.called.count("VDI.create") == 1  # as a qcow2 it fits


def test_thick_storage_needs_room_for_the_whole_disk(
    certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XAPI_PASSWORD", "correct horse")
    pool = Pool(certificate, kind="lvm", free=20 * MIB)
    assert send(pool, certificate, disk) == 3
    assert "has 20 MiB left, and 31 MiB are taken there at once" in capsys.readouterr().err
    assert "VDI.create" not in pool.called
    pool.close()


@pytest.mark.root
@pytest.mark.usefixtures("own_signals")
def test_both_are_verdicts_of_a_look_beforehand(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XAPI_PASSWORD", "correct horse")
    pool = Pool(certificate, kind="lvm", free=1 << 40)
    with (tmp_path / "large.img").open("wb") as file:
        file.truncate(3 << 40)
    options = ["--password", "env:XAPI_PASSWORD", "--fingerprint", certificate.fingerprint, "--json"]
    for place in ("", "/aaaa"):
        assert main(["preflight", str(tmp_path / "large.img"), "--to", pool.to + place, *options]) == 3
        refused = [one for one in json.loads(capsys.readouterr().out)["findings"] if one["severity"] == "refused"]
        assert {one["text"].partition(",")[0] for one in refused if one["subject"] == "Local storage on xcp1"} == {
            "it has 1 TiB left",
            "it takes disks of 2040 GiB at most",
        }
    pool.close()


def test_two_disks_are_two_vdis_in_order(pool: Pool, certificate: Certificate, disk: Path, tmp_path: Path) -> None:
    other = tmp_path / "second.img"
    other.write_bytes(random.Random(7).randbytes(2 * MIB))
    options = ["--password", "env:XAPI_PASSWORD", "--fingerprint", certificate.fingerprint]
    assert main(["convert", str(disk), str(other), "--to", f"{pool.to}/Local storage", *options]) == 0
    by_device = {vbd["userdevice"]: pool.vdis[vbd["VDI"]] for vbd in pool.vbds.values()}
    assert bytes(by_device["1"]["data"]) == other.read_bytes() and len(by_device["0"]["data"]) == 32 * MIB


@pytest.mark.parametrize(
    "phase", ["before an import", "in an import", "at the end of an import", "before task.get_record", "after task.get_record"]
)
def test_a_connection_that_is_lost_while_sending_is_made_again(
    pool: Pool, certificate: Certificate, disk: Path, phase: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.cut_at = {phase: 2}
    code = send(pool, certificate, disk)
    said = capsys.readouterr().err
    assert code == 0, said
    assert "trying again in" in said
    (vdi,) = pool.vdis.values()
    assert bytes(vdi["data"][: disk.stat().st_size]) == disk.read_bytes()


def test_what_an_ended_import_brought_is_not_sent_again(
    pool: Pool, certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(xapi_delivery.XapiDelivery, "checkpoint_seconds", 0.2)
    pool.cut_at, pool.cut_after = {"in an import": 1}, MIB // 2
    assert send(pool, certificate, disk, "--limit", "5M") == 0
    assert pool.imports > 3
    assert "trying again in" in capsys.readouterr().err
    (vdi,) = pool.vdis.values()
    assert bytes(vdi["data"][: disk.stat().st_size]) == disk.read_bytes()


def test_other_clients_see_in_a_task_how_far_it_is(
    pool: Pool, certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xapi_stream, "PROGRESS_SECONDS", 0.0)
    assert send(pool, certificate, disk) == 0
    labels, values = {label for label, _ in pool.progress}, [value for _, value in pool.progress]
    assert labels == {f"p2v import: {pool.to} (old disk 0 (Local storage))"}
    assert len(values) > 3 and values == sorted(values) and values[-1] > 0.6 and not pool.tasks


def test_a_pool_whose_tasks_cannot_be_told_is_not_asked_again(
    pool: Pool, certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xapi_stream, "PROGRESS_SECONDS", 0.0)
    pool.is_old = True
    assert send(pool, certificate, disk) == 0
    assert pool.called.count("task.set_progress") == 1


def test_a_session_that_ends_is_begun_again(
    pool: Pool, certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = xapi_stream.XapiSink._begin
    ended: list[bool] = []

    def expire_first(sink: xapi_stream.XapiSink) -> None:
        if not ended:
            ended.append(True)
            pool.expire()
        begin(sink)

    monkeypatch.setattr(xapi_stream.XapiSink, "_begin", expire_first)
    assert send(pool, certificate, disk) == 0
    assert pool.called.count("session.login_with_password") == 2


@pytest.mark.parametrize("when", ["before", "during", "after"])
@pytest.mark.parametrize("call", ["VDI.create", "VM.create", "VBD.create", "VIF.create"])
def test_what_a_call_made_whose_answer_was_lost_is_found_and_removed(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str], when: str, call: str
) -> None:
    pool.cut, pool.fails = Cut(f"{when} {call}"), {"VDI.remove_from_other_config": ["INTERNAL_ERROR"]}
    assert send(pool, certificate, disk, "--machine", str(MACHINE)) == 1
    said = capsys.readouterr().err
    assert "could not be removed" not in said
    time.sleep(pool.last_seconds)
    assert nothing_left(pool)


@pytest.mark.parametrize("when", ["before", "during", "after"])
@pytest.mark.parametrize("call", ["VM.create", "VBD.create", "VIF.create", "VM.remove_from_other_config", "VM.get_uuid"])
def test_a_machine_whose_definition_broke_off_is_defined_once_more(
    pool: Pool, certificate: Certificate, disk: Path, call: str, when: str
) -> None:
    pool.cut = Cut(f"{when} {call}")
    assert send(pool, certificate, disk, "--machine", str(MACHINE)) == 0
    time.sleep(pool.last_seconds)
    assert whole(pool, disk)


@pytest.mark.parametrize(
    ("call", "names"), [("VDI.destroy", "the disk old disk 0"), ("VM.destroy", "the disk old disk 0, the machine old")]
)
def test_what_stays_after_a_connection_that_stays_lost_is_named(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str], call: str, names: str
) -> None:
    pool.fails, pool.cut_at = {"VIF.create": ["MAC_INVALID", "x"]}, {f"before {call}": 99}
    assert send(pool, certificate, disk, "--machine", str(MACHINE)) == 1
    said = capsys.readouterr().err
    assert f"could not be removed: look there for {names}\n" in said
    assert "was removed" not in said


def test_a_pool_that_stays_away_is_given_up(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.cut_at = {"before an import": 99}
    assert send(pool, certificate, disk) == 1
    assert "what had been made on the target was removed" in capsys.readouterr().err
    assert nothing_left(pool)


def test_what_cannot_be_removed_is_not_said_to_be(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.damage, pool.fails = True, {"VDI.destroy": ["RBAC_PERMISSION_DENIED", "VDI.destroy"]}
    assert send(pool, certificate, disk) == 1
    said = capsys.readouterr().err
    assert "differs at byte 0 from what was sent" in said
    assert "what had been made on the target could not be removed: look there for " in said and "was removed" not in said


def test_what_differs_afterwards_is_found(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.damage = True
    assert send(pool, certificate, disk) == 1
    assert "differs at byte 0 from what was sent" in capsys.readouterr().err
    assert nothing_left(pool)


def test_a_member_points_at_its_master(pool: Pool, certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    member = Pool(certificate, master="127.0.0.1")
    # The master's port is always 443; here it is another.
    connected = Calls._connect

    def to_port(calls: Calls) -> object:
        if "session.login_with_password" in member.called:
            calls.port = pool.port
        return connected(calls)

    monkeypatch.setattr(Calls, "_connect", to_port)
    assert send(member, certificate, disk) == 0
    assert len(pool.vms) == 1 and not member.vms
    member.close()


def test_hosts_that_point_at_each_other_are_an_error(
    certificate: Certificate, disk: Path, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.master = "127.0.0.1"
    assert send(pool, certificate, disk) == 1
    assert "name each other as master" in capsys.readouterr().err


def test_an_import_may_be_sent_to_another_host_of_the_pool(pool: Pool, certificate: Certificate, disk: Path) -> None:
    pool.redirect_imports = f"https://127.0.0.1:{pool.port}"
    assert send(pool, certificate, disk) == 0


def test_an_import_is_not_sent_to_a_place_without_tls(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.redirect_imports = f"http://127.0.0.1:{pool.port}"
    assert send(pool, certificate, disk) == 1
    assert "a place without TLS" in capsys.readouterr().err
    assert nothing_left(pool)


@pytest.mark.parametrize(
    ("call", "failure", "code", "message"),
    [
        ("VDI.create", ["SR_BACKEND_FAILURE_44", "", "no space"], 3, "the storage has not enough room"),
        ("VDI.create", ["RBAC_PERMISSION_DENIED", "VDI.create"], 1, "this user may not do that"),
        ("VM.create", ["LICENCE_RESTRICTION", "x\u202ey\nz"], 1, "VM.create failed: LICENCE_RESTRICTION, x y z"),
        ("VIF.create", ["MAC_INVALID", "x"], 1, "VIF.create failed: MAC_INVALID"),
    ],
)
def test_refusals_are_told_and_leave_nothing_behind(
    pool: Pool,
    certificate: Certificate,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    call: str,
    failure: list[str],
    code: int,
    message: str,
) -> None:
    pool.fails = {call: failure}
    assert send(pool, certificate, disk, "--machine", str(MACHINE), "--start") == code
    assert message in capsys.readouterr().err
    assert nothing_left(pool)


def test_a_machine_that_does_not_start_stays_whole_and_is_said(
    pool: Pool, certificate: Certificate, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool.fails = {"VM.start": ["HOST_NO_HVM"]}
    assert send(pool, certificate, disk, "--machine", str(MACHINE), "--start") == 1
    said = capsys.readouterr().err
    assert "hardware virtualization is off" in said and "start it with: xe vm-start uuid=" in said
    assert len(pool.vms) == 1
    (vdi,) = pool.vdis.values()
    assert bytes(vdi["data"][: disk.stat().st_size]) == disk.read_bytes()


@pytest.mark.parametrize(
    ("place", "options", "code", "message"),
    [
        ("", ["--password", "file:/none"], 2, "--password file:/none cannot be read"),
        ("", ["--fingerprint", "zz"], 2, "--fingerprint 'zz' is not one of a certificate"),
        ("/ISOs", [], 2, "has no storage 'ISOs'"),
        ("/Unplugged", [], 2, "name one of: Local storage"),
        ("", ["--resume"], 2, "XAPI keeps nothing of a stopped conversion"),
        ("", ["--machine", str(MACHINE), "--bridge", "br9"], 2, "has no network 'br9'"),
        ("", ["--format", "qcow2"], 2, "takes no qcow2"),
        ("", ["--mode", "pv"], 1, "xcp1 runs no pv machines"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_made(
    pool: Pool,
    certificate: Certificate,
    disk: Path,
    capsys: pytest.CaptureFixture[str],
    place: str,
    options: list[str],
    code: int,
    message: str,
) -> None:
    common = ["--password", "env:XAPI_PASSWORD", "--fingerprint", certificate.fingerprint, "--name", "old"]
    assert main(["convert", str(disk), "--to", pool.to + place, *common, *options]) == code
    assert message in capsys.readouterr().err
    assert "VDI.create" not in pool.called


def test_a_stranger_is_told_nothing(pool: Pool, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Certificate(tmp_path, "other")
    common = ["convert", str(disk), "--to", pool.to, "--password", "env:XAPI_PASSWORD"]
    assert main([*common, "--fingerprint", other.fingerprint]) == 1
    assert "shows another certificate than the one that was pinned" in capsys.readouterr().err
    assert main(common) == 1
    assert "is not trusted" in capsys.readouterr().err
    assert main([*common, "--ca", str(other.path)]) == 1
    assert "is not trusted" in capsys.readouterr().err
    assert pool.called == []


def test_an_authority_is_as_good_as_a_pin(pool: Pool, certificate: Certificate, disk: Path) -> None:
    options = ["--password", "env:XAPI_PASSWORD", "--ca", str(certificate.path)]
    assert main(["convert", str(disk), "--to", pool.to, *options]) == 0


def test_a_wrong_password_is_told_and_not_repeated(
    pool: Pool, certificate: Certificate, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XAPI_PASSWORD", "hunter2")
    assert send(pool, certificate, disk) == 1
    said = capsys.readouterr().err
    assert "it does not take this user and password" in said and "hunter2" not in said


def test_no_password_is_an_error_of_the_command(pool: Pool, disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(disk), "--to", pool.to]) == 2
    assert "XAPI logs in by a password" in capsys.readouterr().err
