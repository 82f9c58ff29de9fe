"""`xeninstall answers render`: files by serial and by MAC, for those alone who may read them; nothing when one is wrong."""

import json
import shutil
from pathlib import Path

import pytest

from xeninstall.cli import main

EXAMPLES = Path(__file__).parents[2] / "xeninstall/examples/fleet"


@pytest.fixture(autouse=True)
def signals(own_signals: None) -> None:
    """Each call of main here takes signals and gives them back."""


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    for name in ("template.toml", "machines.csv"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    return tmp_path


def run(fleet: Path, *more: str) -> int:
    return main(["answers", "render", f"{fleet}/template.toml", "--inventory", f"{fleet}/machines.csv", *more])


def test_it_writes_them_for_owner_and_group(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = fleet / "out"
    out.mkdir(mode=0o755)
    out.chmod(0o2750)
    assert run(fleet, "--output", str(out)) == 0
    files = sorted(path for path in out.rglob("*") if path.is_file())
    assert [str(path.relative_to(out)) for path in files][:2] == ["mac/52-54-00-00-00-01.toml", "mac/52-54-00-00-00-02.toml"]
    assert len(files) == 6 and {path.stat().st_mode & 0o777 for path in files} == {0o640}
    assert (out / "serial").stat().st_mode & 0o7777 == 0o2750  # the group goes on
    assert capsys.readouterr().out.endswith(f"3 answer files: written into {out}\n")


def test_without_output_nothing_is_written(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(fleet.rglob("*"))
    assert run(fleet) == 0
    assert sorted(fleet.rglob("*")) == before
    assert "3 answer files: no errors" in capsys.readouterr().out


def test_one_wrong_machine_and_nothing_is_written(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = fleet / "machines.csv"
    path.write_text(path.read_text().replace("192.0.2.13", "192.0.2.999"))
    assert run(fleet, "--output", f"{fleet}/out") == 2
    assert not (fleet / "out").exists()
    said = capsys.readouterr().out
    assert said.startswith(f"{path}:5: network.ipv4.address (column address): '192.0.2.999/24' is not")
    assert run(fleet, "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert told["valid"] is False and told["problems"][0]["line"] == 5


def test_files_of_no_machine_are_named_and_left(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fleet / "out/mac").mkdir(parents=True)
    (fleet / "out/mac/00-00-00-00-00-09.toml").write_text("old")
    assert run(fleet, "--output", f"{fleet}/out", "--json") == 0
    assert json.loads(capsys.readouterr().out)["of_no_machine"] == ["mac/00-00-00-00-00-09.toml"]
    assert (fleet / "out/mac/00-00-00-00-00-09.toml").read_text() == "old"


def test_links_do_not_lead_out_of_the_directory(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fleet / "elsewhere").mkdir()
    (fleet / "victim").write_text("mine")
    (fleet / "out/serial").mkdir(parents=True)
    (fleet / "out/serial/EX-0001.toml").symlink_to(fleet / "victim")
    (fleet / "out/mac").symlink_to(fleet / "elsewhere")
    assert run(fleet, "--output", f"{fleet}/out") == 2
    assert "is a symbolic link" in capsys.readouterr().err
    (fleet / "out/mac").unlink()
    assert run(fleet, "--output", f"{fleet}/out") == 0
    assert (fleet / "victim").read_text() == "mine" and not (fleet / "out/serial/EX-0001.toml").is_symlink()
