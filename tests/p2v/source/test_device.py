"""Block devices as sources: never written, and refused while mounted for writing."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2v.source.device import DeviceReader, open_source
from xeninstall.base.errors import RequirementError

pytestmark = pytest.mark.root


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
    name = subprocess.run(["losetup", "--find", "--show", path], capture_output=True, text=True, check=True).stdout.strip()
    yield name
    subprocess.run(["losetup", "-d", name], check=True)


def read_only(name: str) -> bool:
    return subprocess.run(["blockdev", "--getro", name], capture_output=True, text=True, check=True).stdout.strip() == "1"


def test_it_is_read_only_while_open_and_as_before_afterwards(loop: str) -> None:
    with open_source(loop) as reader:
        assert reader.size_bytes == 8 << 20
        assert reader.read(1080, 2) == b"\x53\xef"
        assert read_only(loop)
    assert not read_only(loop)


def test_a_disk_mounted_for_writing_is_refused_unless_accepted(loop: str, tmp_path: Path) -> None:
    place = tmp_path / "with space"
    place.mkdir()
    subprocess.run(["mount", loop, place], check=True)
    try:
        with pytest.raises(RequirementError, match="mounted for writing") as caught:
            DeviceReader(loop)
        assert str(place) in caught.value.message
        reader = DeviceReader(loop, allow_mounted=True)
        assert reader.mounted == [str(place)]
        assert not read_only(loop)
        reader.close()
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        DeviceReader(loop).close()
    finally:
        subprocess.run(["umount", place], check=True)
