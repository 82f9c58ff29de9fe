"""Volume groups, as LVM reports them."""

import pytest

from xeninstall.machine.lvm import Group, groups

from .computer import Computer


def test_each_physical_volume_knows_its_group(computer: Computer) -> None:
    computer.command(
        ["pvs"],
        '{"report": [{"pv": [{"pv_name": "/dev/sda2", "vg_name": "vg0", "vg_uuid": "u"}, {"pv_name": "/dev/sdb"}]}]}',
    )
    computer.command(
        ["lvs"], '{"report": [{"lv": [{"vg_name": "vg0", "lv_name": "root"}, {"vg_name": "vg0", "lv_name": "swap"}]}]}'
    )
    assert groups(computer.look()) == {"/dev/sda2": Group("vg0", "u", ("root", "swap"))}


def test_lvm_is_asked_without_locks_and_writes(computer: Computer) -> None:
    computer.command(["pvs"], '{"report": []}')
    groups(computer.look())
    assert "--readonly" in computer.runner.asked[-1]


@pytest.mark.parametrize("garbage", ["no json", "[]", '{"report": 3}', '{"report": [{"pv": [1]}]}'])
def test_garbage_is_a_note(computer: Computer, garbage: str) -> None:
    computer.command(["pvs"], garbage)
    look = computer.look()
    assert groups(look) == {}
    assert look.notes == ["volume groups not seen: pvs did not write the report that was asked for"]


def test_without_lvm_a_note_names_the_package(computer: Computer) -> None:
    look = computer.look()
    assert groups(look) == {}
    assert "pvs" in look.notes[0]
