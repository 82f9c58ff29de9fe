"""Going on after an interruption."""

from pathlib import Path

import pytest

from tests.given import SEED, Recorder, actions, image_plan
from xeninstall.apply import resume, target
from xeninstall.apply.journal import Journal
from xeninstall.apply.paths import journal_of
from xeninstall.apply.resume import find_journal, release_leftovers
from xeninstall.base.errors import UsageError
from xeninstall.base.run import Completed
from xeninstall.plan.disk import md_uuid
from xeninstall.plan.model import WritePartitions, chosen_uuid


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "STATE", tmp_path / "state")


def _journal(state: str = "stopped") -> Journal:
    return Journal.start(image_plan()).model_copy(update={"state": state, "finished": ["prepare"]})


def test_an_images_journal_lies_beside_it(tmp_path: Path) -> None:
    image = str(tmp_path / "host.img")
    _journal().write(journal_of(image))
    assert find_journal(image, Recorder()).finished == ["prepare"]


def test_a_finished_installation_is_not_resumed(tmp_path: Path) -> None:
    image = str(tmp_path / "host.img")
    _journal("done").write(journal_of(image))
    with pytest.raises(UsageError) as caught:
        find_journal(image, Recorder())
    assert caught.value.message == f"the installation onto {image} is finished: nothing to resume"


def test_without_a_journal_there_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to resume"):
        find_journal(str(tmp_path / "host.img"), Recorder())
    nothing = Recorder(lambda argv: Completed(argv, 1, "", "no such file"))
    with pytest.raises(UsageError, match="nothing to resume"):
        find_journal("/dev/no-such-disk", nothing)
    assert nothing.programs() == ["mcopy"], "the ESP was asked"


def test_after_a_power_cut_a_disks_journal_comes_from_its_esp() -> None:
    on_esp = Recorder(lambda argv: Completed(argv, 0, _journal().model_dump_json(), ""))
    assert find_journal("/dev/no-such-disk", on_esp).seed == SEED
    assert on_esp.ran[0][3] == "/dev/no-such-disk@@2097152", "behind one mebibyte of table and one of boot code"
    assert find_journal("/dev/no-such-disk", Recorder()).seed == SEED, "kept from then on"


def test_a_damaged_copy_on_the_esp_is_refused_in_words() -> None:
    garbage = Recorder(lambda argv: Completed(argv, 0, "garbage", ""))
    with pytest.raises(UsageError, match="cannot be read"):
        find_journal("/dev/no-such-disk", garbage)


def test_only_arrays_and_groups_of_this_run_are_stopped() -> None:
    ours, other = md_uuid(chosen_uuid(SEED, "array/system")), "0:0:0:0"

    def listed(argv: tuple[str, ...]) -> Completed | None:
        if argv[:2] == ("mdadm", "--detail"):
            return Completed(argv, 0, f"ARRAY /dev/md/a metadata=1.2 UUID={ours}\nARRAY /dev/md/b UUID={other}\nARRAY\n", "")
        if argv[0] == "pvs":
            return Completed(argv, 0, "  /dev/sdx5 xenvms\n  /dev/sdx6 other\n  /dev/sdy1 xenvms2\n  /dev/sdz\n", "")
        return None

    runner = Recorder(listed)
    release_leftovers("/dev/sdx", SEED, runner)
    assert [argv for argv in runner.ran if argv[1] == "--stop"] == [("mdadm", "--stop", "/dev/md/a")]
    assert [argv[-1] for argv in runner.ran if argv[0] == "vgchange"] == ["xenvms"]


def test_the_esps_place_is_the_layouts() -> None:
    table = next(act for act in actions(image_plan()) if isinstance(act, WritePartitions))
    assert table.partitions[1].start_bytes == resume._ESP_OFFSET
