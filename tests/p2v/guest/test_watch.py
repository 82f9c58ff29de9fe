"""What a program says is kept to its end only; what it writes is seen on every file system that it reaches."""

import os
from contextlib import closing

import pytest

from p2v.guest.memory import folder_in_memory
from p2v.guest.watch import Said, Written
from tests.p2v.disks import MIB, run
from xeninstall.base.run import SystemRunner


def test_the_end_of_what_is_said_is_kept_and_all_of_it_counted() -> None:
    reading, writing = os.pipe()
    said = Said(reading)
    said.listen(0)
    assert (said.text, said.ended, said.listen_out(0.05)) == ("", False, False)
    for number in range(10):
        os.write(writing, bytes(str(number), "ascii") * 8000)
        said.listen(1)
    os.write(writing, "\xff end".encode("latin-1"))
    os.close(writing)
    assert said.listen_out(1)
    assert said.total_bytes == 80005
    assert len(said.text) == 16 << 10 and said.text.endswith("99\N{REPLACEMENT CHARACTER} end")
    os.close(reading)


@pytest.mark.root
def test_what_is_written_into_mounts_below_is_seen_once() -> None:
    with (
        folder_in_memory("root", 64 * MIB, 10, SystemRunner()) as root,
        folder_in_memory("test", 64 * MIB, 10, SystemRunner()) as folder,
    ):
        for name in ("a name", "again"):
            (root / name).mkdir()
            run("mount", "--bind", folder, root / name)
        with closing(Written(root)) as written:
            (folder / "big").write_bytes(bytes(20 * MIB))
            (root / "small").write_bytes(bytes(MIB))
            assert written.total_bytes == 21 * MIB
        for name in ("a name", "again"):
            run("umount", root / name)
