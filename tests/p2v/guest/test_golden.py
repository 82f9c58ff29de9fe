"""Each family's guest before and after: what is planned, what changes in its files, and that the way back is whole."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from p2v.guest.apply import Applier
from p2v.guest.changes import RunInGuest
from p2v.guest.inspect import inspect
from p2v.guest.linux.table import REPAIRS
from p2v.guest.repair import Report, plan_repairs
from p2v.guest.tree import RootTree

from .trees import BOOT, GUESTS, HARDWARE, changes_between, lay_out, snapshot


def planned(name: str, root: Path) -> Report:
    """What would be done to a laid out guest."""
    tree = RootTree(root)
    return plan_repairs(replace(inspect(tree, HARDWARE[name]), boot=BOOT.get(name)), tree)


def applied(report: Report, root: Path) -> None:
    """Do it, but for the guest's own programs, of which a tree of text has none."""
    applier = Applier(RootTree(root))
    for step in report.steps:
        for change in step.planned.changes:
            if not isinstance(change, RunInGuest):
                applier.make(change)
    applier.finish([])


@pytest.mark.parametrize("name", HARDWARE)
def test_a_guest_is_repaired_as_recorded(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    root = lay_out(name, tmp_path / "root")
    before = snapshot(root)
    report = planned(name, root)
    assert snapshot(root) == before, "planning wrote something"
    applied(report, root)
    found = report.as_text() + "\n" + changes_between(before, snapshot(root))
    golden = GUESTS / f"{name}.repaired"
    if request.config.getoption("--renew-golden"):
        golden.write_text(found)
    assert found == golden.read_text(), f"{golden} differs; look, and renew it with --renew-golden"


def test_every_repair_has_work_to_do_in_some_family(tmp_path: Path) -> None:
    reports = [planned(name, lay_out(name, tmp_path / name)) for name in HARDWARE]
    idle = {repair.name for repair in REPAIRS}
    idle -= {step.repair.name for report in reports for step in report.steps if step.planned.changes}
    assert idle == set()


@pytest.mark.parametrize("name", HARDWARE)
def test_a_repaired_guest_needs_no_second_repair(name: str, tmp_path: Path) -> None:
    root = lay_out(name, tmp_path / "root")
    applied(planned(name, root), root)
    again = planned(name, root)
    files = [change for step in again.steps for change in step.planned.changes if not isinstance(change, RunInGuest)]
    # What a repair writes whole, it writes again, the same.
    before = snapshot(root)
    applied(again, root)
    assert snapshot(root) == before, [change.path for change in files]


@pytest.mark.root
@pytest.mark.parametrize("name", HARDWARE)
def test_undo_puts_every_file_back(name: str, tmp_path: Path) -> None:
    root = lay_out(name, tmp_path / "root")
    before = snapshot(root)
    applied(planned(name, root), root)
    folders = [place for place in ("etc", "boot", "var") if (root / place).is_dir()]
    binds = [word for place in folders for word in ("--bind", str(root / place), f"/{place}")]
    done = subprocess.run(
        ["bwrap", "--ro-bind", "/", "/", *binds, "--", "/bin/sh", "/var/lib/p2v/undo"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    after = {path: content for path, content in snapshot(root).items() if path != "/.autorelabel"}
    assert after == before
