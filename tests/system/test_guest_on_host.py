"""A physical machine's Debian becomes a guest of an installed host: sent into a thin volume, tried without a network, started.

It restarts itself once before its first login, as systems do that label their files anew: the trial goes along with that.
"""

import json
from pathlib import Path

import pytest

from p2v.cli import main
from tests.p2v.disks import sha
from xeninstall.machine.model import Machine as Inventory
from xeninstall.machine.model import Nic

from .guest_disk import MAC, make_guest
from .receiving_host import POOL, ReceivingHost

pytestmark = [pytest.mark.vm, pytest.mark.root, pytest.mark.usefixtures("own_signals")]

_RECORDED = Path(__file__).parent.parent / "data" / "machines" / "bios-two-disks.json"


def test_it_is_tried_and_started_there(receiving: ReceivingHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = make_guest(tmp_path, "bios", restarts=True).path
    recorded = Inventory.from_json(_RECORDED.read_text())
    cpu = recorded.cpu.model_copy(update={"sockets": 1, "cores": 1, "threads": 1})
    changed = {"cpu": cpu, "nics": (Nic(name="eno7", mac=MAC),), "memory_bytes": 1 << 30}
    (tmp_path / "machine.json").write_text(recorded.model_copy(update=changed).to_json())
    before = sha(old)
    argv = ["convert", str(old), "--repair", "--machine", f"{tmp_path}/machine.json", "--name", "old", "--json"]
    argv += ["--to", f"ssh://root@127.0.0.1:{receiving.port}/{POOL}", "--host-key", receiving.fingerprint]
    argv += ["--identity", str(receiving.key), "--scratch", f"{tmp_path}/scratch"]
    status = main([*argv, "--mode", "pv", "--trial", "--start"])
    told = capsys.readouterr()
    assert status == 0, told.err + told.out[-3000:] + receiving.remote.run("xl list; tail -n 50 /var/log/xen/*.log")[0]
    events = [json.loads(line) for line in told.out.splitlines()]
    assert any("old was up after" in event.get("text", "") for event in events)
    receiving.remote.check("grep -q 'Done. Rebooting now' /var/log/xen/xl-p2v-trial-*.log")
    assert sha(old) == before
    receiving.has_started("old", MAC)
    receiving.remove("old")
