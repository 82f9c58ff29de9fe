"""A connection to a pool that is lost at every phase of a conversion, and at every phase of its removal."""

import logging
import re
from pathlib import Path

import pytest

from tests.p2v.disks import MIB, sparse
from tests.p2v.target.certificate import Certificate
from tests.p2v.target.xapi_double import Cut, Pool
from tests.p2v.target.xapi_sent import MACHINE, nothing_left, send, whole

# What a conversion calls, and how often; one of tasks is asked until the task has ended.
CALLS = {
    "session.login_with_password": 1,
    "pool.get_all_records": 2,
    "host.get_software_version": 1,
    "host.get_hostname": 1,
    "PBD.get_all_records": 1,
    "SM.get_all_records": 1,
    "SR.get_all_records": 1,
    "network.get_all_records": 2,
    "VDI.create": 1,
    "task.create": 1,
    "task.set_progress": 1,
    "task.get_record": 1,
    "task.destroy": 1,
    "task.get_all_records": 1,
    "VM.create": 1,
    "VBD.create": 1,
    "VDI.set_name_description": 1,
    "VIF.create": 1,
    "VM.get_uuid": 1,
    "VDI.remove_from_other_config": 1,
    "VM.remove_from_other_config": 1,
    "VM.start": 1,
    "task.get_by_name_label": 1,
    "session.logout": 1,
}
STREAMS = ["before an import", "in an import", "at the end of an import", "before an export", "in an export"]
PHASES = [
    *((stream, 1) for stream in STREAMS),
    *((f"{when} {call}", nth) for call, often in CALLS.items() for nth in range(1, often + 1) for when in ("before", "after")),
]
_AFTERWARDS = ("task.get_by_name_label", "session.logout")  # the machine has been handed over
# What removes a machine that cannot be defined.
REMOVAL = [
    "task.get_all_records",
    "VM.get_by_name_label",
    "VM.get_other_config",
    "VM.destroy",
    "VDI.get_by_name_label",
    "VDI.get_other_config",
    "VDI.destroy",
    "task.get_by_name_label",
    "session.logout",
]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return sparse(tmp_path / "old.img", 6 * MIB, (0, 2, 3, 5), seed=6)


def judge(pool: Pool, disk: Path, code: int, said: str) -> None:
    """Nothing secret was told, and what was told of the pool is so."""
    assert "correct horse" not in said and "OpaqueRef" not in said and "Traceback" not in said
    left = re.search(r"could not be removed: look there for (.*)", said)
    if code == 0 or "is complete there and stays" in said:
        assert whole(pool, disk)
        assert left is None and "was removed" not in said
        return
    assert "--resume" not in said and "  -> " in said
    if left is None:
        assert nothing_left(pool)
    else:
        assert "was removed" not in said
        for kind, records in (("machine", pool.vms), ("disk", pool.vdis)):
            assert all(f"the {kind} {record['name_label']}" in left.group(1) for record in records.values())


def test_the_calls_below_are_all_that_a_conversion_makes(pool: Pool, certificate: Certificate, disk: Path) -> None:
    pool.cut_after = MIB
    assert send(pool, certificate, disk, "--machine", str(MACHINE), "--start") == 0
    assert set(pool.called) == set(CALLS)
    for call, often in CALLS.items():
        assert pool.called.count(call) == often or call == "task.get_record", call
    streams = {phase for phase in pool.phases if phase.partition(" ")[2] not in CALLS}
    assert streams == set(STREAMS)


@pytest.mark.parametrize(("phase", "nth"), PHASES)
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
def test_whatever_is_lost_the_machine_is_whole_or_nothing_is_left_or_it_is_named(
    pool: Pool,
    certificate: Certificate,
    disk: Path,
    phase: str,
    nth: int,
    for_good: bool,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    pool.cut, pool.cut_after = Cut(phase, nth, for_good), MIB
    code = send(pool, certificate, disk, "--machine", str(MACHINE), "--start")
    out = capsys.readouterr()
    assert pool.phases[phase] >= nth
    judge(pool, disk, code, out.out + out.err + caplog.text)
    assert not for_good or code != 0 or phase.partition(" ")[2] in _AFTERWARDS


def test_the_calls_below_are_all_that_removes_one(pool: Pool, certificate: Certificate, disk: Path) -> None:
    pool.fails = {"VIF.create": ["MAC_INVALID", "x"]}
    assert send(pool, certificate, disk, "--machine", str(MACHINE)) == 1
    assert set(pool.called[pool.called.index("VIF.create") + 1 :]) == set(REMOVAL)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", REMOVAL)
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
def test_what_is_removed_is_removed_though_that_is_lost_too_or_it_is_named(
    pool: Pool,
    certificate: Certificate,
    disk: Path,
    call: str,
    when: str,
    for_good: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pool.fails, pool.cut = {"VIF.create": ["MAC_INVALID", "x"]}, Cut(f"{when} {call}", for_good=for_good, after_failure=True)
    assert send(pool, certificate, disk, "--machine", str(MACHINE)) == 1
    assert pool.phases[f"{when} {call}"] >= 1
    judge(pool, disk, 1, capsys.readouterr().err)
    assert for_good or nothing_left(pool)
