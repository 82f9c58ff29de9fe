"""The medium's first window in a machine that nobody watches: a server says what it becomes, another is told of it, the power
fails, and it ends well all the same.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import Answer, Server, serving

from .answer_files import answers
from .conftest import PASSWORD
from .qemu import Disk, Machine, UserNet
from .workshop import Workshop, blank, workshop

pytestmark = [pytest.mark.vm, pytest.mark.root]

_START = "python3 -m xeninstall start --command-line /run/words --system /mnt/system.squashfs"

_KEPT = "mcopy -n -i /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_TARGET@@2097152 ::/xeninstall-answers.toml -"


def test_answers_by_post_a_power_cut_and_a_second_start(example: Path, system_image: Path, tmp_path: Path) -> None:
    target = Disk(blank(tmp_path / "target.img", 12 * 2**30), bus="scsi", serial="TARGET", snapshot=False)
    other = Disk(blank(tmp_path / "other.img", 2**30), bus="scsi", serial="OTHER")
    text = answers(disk='serial = "TARGET"')
    reply, nic = Answer(body=text.encode()), UserNet(reaches_us=True)
    with serving(Answer(503), Answer(503), reply) as fleet, serving() as hook:
        with workshop(example, system_image, tmp_path, [target, other], text, nics=[nic], name="unattended") as shop:
            _begin(shop, fleet, hook)
            _until(lambda: "unpack" in _stages(hook), shop, 900)
            time.sleep(20)
            shop.machine.kill()
        assert [asked.method for asked in fleet.asked] == ["POST"] * 3
        assert '"serial": "TARGET"' in fleet.asked[0].body.decode(), "the server got the machine's profile"
        hook.asked.clear()
        with workshop(example, system_image, tmp_path, [other, target], text, nics=[nic], name="after-the-cut") as shop:
            kept, status = shop.console.run(_KEPT)
            assert status == 0 and 'serial = "TARGET"' in kept and "$6$" not in kept and "$y$" not in kept
            _begin(shop, fleet, hook)
            _until(lambda: bool(_stages(hook)) and _events(hook)[-1]["event"] in ("Finished", "Failed"), shop, 1500)
            shop.console.check("until [ -e /run/status ]; do sleep 1; done", 60)
            said = shop.console.check("cat /run/out")
            assert shop.console.check("cat /run/status") == "0", said
            assert "Found an interrupted installation on" in said and "Going on after the stages prepare, partition" in said
            skipped = [event["stage"] for event in _events(hook) if event["event"] == "StageFinished" and event["skipped"]]
            assert "filesystems" in skipped and "unpack" not in skipped
            assert _events(hook)[-1]["event"] == "Finished"
            assert shop.console.run(_KEPT)[1] != 0, "the answers are kept on the disk only until it is done"
            # As if the medium had been left in the machine: nothing is erased.
            shop.console.check("rm /run/status")
            _begin(shop, fleet, hook)
            shop.console.check("until [ -e /run/status ]; do sleep 1; done", 300)
            assert "this host is installed already" in shop.console.check("cat /run/out")
            assert shop.console.check("cat /run/status") == "1" and _events(hook)[-1]["event"] == "Failed"
    with Machine([Disk(target.path, bus="nvme", serial="TARGET")], name="unattended-host") as machine:
        machine.console.login("root", PASSWORD, 480)
        assert machine.console.run("systemctl is-system-running --wait", 300) == ("running", 0)


def _begin(shop: Workshop, fleet: Server, hook: Server) -> None:
    """Start in the background, as where nobody is."""
    to = {server: f"http://192.0.2.1:{server.server_address[1]}" for server in (fleet, hook)}
    words = f"quiet xeninstall.post={to[fleet]}/answers xeninstall.webhook={to[hook]}/told xeninstall.after=stay"
    shop.console.check(f"echo '{words}' > /run/words")
    shop.console.check(f"cd /mnt && ({_START} </dev/null >/run/out 2>&1; echo $? >/run/status) &")


def _events(hook: Server) -> list[dict[str, object]]:
    return [json.loads(asked.body) for asked in list(hook.asked)]


def _stages(hook: Server) -> list[object]:
    return [event.get("stage") for event in _events(hook) if event["event"] == "StageStarted"]


def _until(condition: Callable[[], bool], shop: Workshop, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, shop.console.check("cat /run/out")
        time.sleep(2)
