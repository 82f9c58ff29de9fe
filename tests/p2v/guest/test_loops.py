"""A loop device that something else still uses at the end is no end."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from p2v.guest import loops
from p2v.guest.slots import Slot
from p2v.types import Extent
from tests.p2v.disks import filesystem, run
from xeninstall.base.errors import Error
from xeninstall.base.run import SystemRunner

pytestmark = pytest.mark.root


def test_a_device_that_something_still_uses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "_RELEASE_SECONDS", 1.0)
    volume = filesystem(tmp_path, "ext4")
    slot = cast("Slot", SimpleNamespace(places=((0, Extent(0, volume.stat().st_size)),)))
    stack = ExitStack()
    device = loops.loop_device(slot, [volume], SystemRunner(), stack)
    # As a mount does that another mount namespace has, too. A namespace here would hold those of other tests.
    other = os.open(device, os.O_RDONLY)
    try:
        with pytest.raises(Error, match="is still in use: another program keeps a file system of the guest mounted") as caught:
            stack.close()
        assert "lsns -t mnt" in caught.value.hint
    finally:
        os.close(other)
    until = time.monotonic() + 20
    while str(volume) in run("losetup", "-a"):
        assert time.monotonic() < until, "the device goes with the last user"
        time.sleep(0.05)


def test_a_device_that_nobody_uses_is_gone_at_the_end(tmp_path: Path) -> None:
    volume = filesystem(tmp_path, "ext4")
    slot = cast("Slot", SimpleNamespace(places=((0, Extent(0, volume.stat().st_size)),)))
    with ExitStack() as stack:
        assert str(volume) in run("losetup", loops.loop_device(slot, [volume], SystemRunner(), stack))
    assert str(volume) not in run("losetup", "-a")
