"""The power fails while a real disk is written: after the next start the installer goes on, though the disk has a new name."""

import json
from pathlib import Path

import pytest

from .answer_files import answers
from .conftest import PASSWORD
from .health import nothing_failed
from .qemu import Disk, Machine
from .workshop import blank, workshop

pytestmark = [pytest.mark.vm, pytest.mark.root]


def test_a_run_cut_off_while_unpacking_is_resumed_from_the_journal_on_the_esp(
    example: Path, system_image: Path, tmp_path: Path
) -> None:
    target = Disk(blank(tmp_path / "target.img", 12 * 2**30), bus="scsi", serial="TARGET", snapshot=False)
    other = Disk(blank(tmp_path / "other.img", 2**30), bus="scsi", serial="OTHER")
    text = answers(disk='serial = "TARGET"')
    with workshop(example, system_image, tmp_path, [target, other], text, name="before-the-cut") as shop:
        shop.console.check(f"({shop.command('--json')}) >/run/out 2>/run/err & echo $! >/run/pid")
        unpacking = r"""grep -q '"stage": "unpack", "done_bytes": [1-9][0-9]\{7\}' /run/out"""
        shop.console.check(f"until {unpacking}; do kill -0 $(cat /run/pid) || {{ cat /run/err; exit 1; }}; sleep 1; done", 900)
        shop.machine.kill()
    # The other disk comes first now: what was sda is sdb.
    with workshop(example, system_image, tmp_path, [other, target], text, name="after-the-cut") as shop:
        node = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_TARGET"
        out, status = shop.install("--resume", "--target", node, "--json")
        assert status == 0, out
        events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        skipped = [event["stage"] for event in events if event["event"] == "StageFinished" and event["skipped"]]
        assert "filesystems" in skipped and "unpack" not in skipped
        assert events[-1]["event"] == "Finished"
        refused = shop.install("--resume", "--target", node)
        assert refused[1] == 2 and "finished" in refused[0]
    with Machine([Disk(target.path, bus="nvme", serial="TARGET")], name="resumed") as machine:
        machine.console.login("root", PASSWORD, 480)
        assert "xen_major" in machine.console.check("xl info")
        nothing_failed(machine.console)
