"""A time zone that does not exist is refused, with the nearest one; packs are looked for beside the answer file."""

from pathlib import Path

from tests.given import LEAST
from xeninstall.answers.load import load
from xeninstall.answers.outside import check_zone


def zones(folder: Path) -> Path:
    for name in ("Etc/UTC", "Europe/Berlin", "America/Argentina/Salta"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_known_zone_is_taken(tmp_path: Path) -> None:
    assert list(check_zone("America/Argentina/Salta", zones(tmp_path))) == []


def test_an_unknown_zone_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    (breach,) = check_zone("Europe/Berln", zones(tmp_path))
    assert (breach.what, breach.remedy) == ("there is no time zone Europe/Berln", "did you mean Europe/Berlin?")
    (breach,) = check_zone("Mars/Olympus_Mons", zones(tmp_path))
    assert breach.remedy == f"see {tmp_path} for those that there are"


def test_a_folder_of_zones_is_no_zone(tmp_path: Path) -> None:
    assert len(list(check_zone("Europe", zones(tmp_path)))) == 1


def test_without_zone_files_nothing_is_said(tmp_path: Path) -> None:
    assert list(check_zone("Mars/Olympus_Mons", tmp_path)) == []


def test_packs_are_named_relative_to_the_answer_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    sources = ("packs/raid.tar", "/srv/raid.tar", "/dev/sdb1:raid.tar", "https://example.org/raid.tar")
    path.write_text(LEAST + "".join(f'[[packs]]\nsource = "{source}"\n' for source in sources))
    found = [pack.source for pack in load(path).packs]
    assert found == [f"{tmp_path}/packs/raid.tar", *sources[1:]]
