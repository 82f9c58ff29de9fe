"""partclone's domain maps as text: one that cannot be true is refused."""

import random
from pathlib import Path

import pytest

from p2v.blockmap.partclone import MapError, domain_map, parse
from p2v.layout.model import Content, Kind
from p2v.types import Extent
from tests.p2v.recorder import Recorder

GOOD = """# Domain logfile created by unset_name v0.3.23
# Source: ntfs.img
# Offset: 0x00000000
# current_pos  current_status
0x00009000     ?
#      pos        size  status
0x00000000  0x00003000  +
0x00003000  0x00001000  ?
0x00004000  0x00005000  +
"""


def test_a_map_is_its_used_runs_and_its_reach() -> None:
    assert parse(GOOD, 0xA000) == ((Extent(0, 0x3000), Extent(0x4000, 0x5000)), 0x9000)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("0x00004000  0x00005000", "0x00004800  0x00005000"), "not continuous at byte 18432"),
        (("0x00003000  0x00001000  ?", "0x00003000  0x00000000  ?"), "not continuous at byte 12288"),
        (("0x00005000  +", "0x0000F000  +"), "reaches beyond the volume, to byte 77824"),
        (("+", "?"), "nothing is in use"),
        (("0x00004000  0x00005000  +", "0x00004000  0x0000"), "a line that is none"),
        (("0x00009000     ?\n", ""), "not continuous at byte 0"),
    ],
)
def test_a_map_that_cannot_be_true_is_refused(change: tuple[str, str], reason: str) -> None:
    with pytest.raises(MapError, match=reason):
        parse(GOOD.replace(*change), 0xA000)


def test_no_text_brings_the_parser_down() -> None:
    rng = random.Random(4)
    for _ in range(500):
        text = list(GOOD)
        for _ in range(rng.randint(1, 6)):
            text[rng.randrange(len(text))] = rng.choice("0x9F+?\n #\0é")
        try:
            used, reach = parse("".join(text), 0xA000)
        except MapError:
            continue
        assert used[-1].end <= reach <= 0xA000


def test_a_map_with_less_than_the_file_system_says_is_refused() -> None:
    runner = Recorder(writes={"-O": GOOD})
    content = Content(Kind.EXT, "ext4", used_bytes=0x9000)
    with pytest.raises(MapError, match="found 32768 bytes in use, the file system itself says 36864"):
        domain_map(Path("/view"), content, 0xA000, runner)
    assert runner.argvs[0][:4] == ("partclone.extfs", "-D", "-s", "/view")
