"""`xeninstall install`: what it refuses before it does anything, and its plans."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.given import DATA, LEAST, SEED, SYSTEM
from xeninstall.apply import guard, target
from xeninstall.cli import main


@pytest.fixture(autouse=True)
def surroundings(own_signals: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State of runs in a place of the test's own."""
    monkeypatch.setattr(target, "STATE", tmp_path / "state")


@pytest.fixture
def system(tmp_path: Path) -> str:
    squashfs = tmp_path / "system.squashfs"
    squashfs.write_bytes(b"squashfs")
    changes: dict[str, object] = {"sha256": hashlib.sha256(b"squashfs").hexdigest(), "size_bytes": 8}
    (tmp_path / "system.json").write_text(SYSTEM.model_copy(update=changes).to_json())
    return str(squashfs)


@pytest.fixture
def answers(tmp_path: Path) -> str:
    path = tmp_path / "answers.toml"
    path.write_text(LEAST + '[storage]\ntype = "files"\n[host]\nname = "xen1"\n')
    return str(path)


def _nvme(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "nvme.toml"
    path.write_text(LEAST.replace("erase = true", 'erase = true\nserial = "S64HNE0R501200"'))
    return str(path), str(DATA / "machines/nvme.json")


def test_the_plan_for_an_image_writes_nothing(
    answers: str, system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    image = tmp_path / "host.img"
    assert main(["install", answers, "--target", str(image), "--system", system, "--plan"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Xen host xen1 on image file {image} (16 GiB)\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_plan_for_a_recorded_machine(system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers, machine = _nvme(tmp_path)
    argv = ["install", answers, "--system", system, "--plan", "--machine", machine, "--seed", SEED]
    assert main(argv) == 0
    text = capsys.readouterr().out
    assert "WILL BE DESTROYED\n  /dev/nvme0n1 (serial S64HNE0R501200, " in text and "policy drop" not in text
    assert main([*argv, "--files"]) == 0
    assert "policy drop" in capsys.readouterr().out
    assert main([*argv, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["seed"] == SEED and plan["disks"][0]["path"] == "/dev/nvme0n1"
    assert main(argv) == 0
    assert capsys.readouterr().out == text, "the same seed gives the same plan"


def test_the_password_comes_by_standard_input_and_is_in_no_plan(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = tmp_path / "stdin.toml"
    answers.write_text('[disk]\nerase = true\n[root]\npassword_stdin = true\n[storage]\ntype = "files"\n')
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read=lambda: b"MARKERPASSWORD\n")))
    argv = ["install", str(answers), "--target", str(tmp_path / "x.img"), "--system", system, "--plan", "--files"]
    assert main(argv) == 0
    assert main([*argv, "--json"]) == 0
    captured = capsys.readouterr()
    assert "MARKER" not in captured.out + captured.err and "$y$" not in captured.out and "$6$" not in captured.out


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (
            ["--target", "{tmp}/x.img", "--size", "8G", "--plan"],
            3,
            "xeninstall: --size 8 GiB is too small; the system needs 9 GiB",
        ),
        (["--target", "{tmp}/x.img", "--size", "16Q", "--plan"], 2, "xeninstall: '16Q' is not a size"),
        (["--target", "{tmp}/x.img", "--size", "17179869185", "--plan"], 2, "is not a whole number of mebibytes"),
        (["--target", "{tmp}/x.img", "--size", "999999999T", "--plan"], 2, "is larger than any file"),
        (["--target", "{tmp}", "--plan"], 2, "is neither a disk nor a regular file"),
        (["--target", "{tmp}/none/x.img", "--plan"], 2, "there is no directory {tmp}/none"),
        (["--target", "{tmp}/x.img", "--seed", "xyz", "--plan"], 2, "--seed is not 32 hexadecimal digits"),
        (["--target", "{tmp}/x.img", "--machine", "{machines}/nvme.json"], 2, "--machine and --files go with --plan"),
        (["--target", "{tmp}/x.img", "--files"], 2, "--machine and --files go with --plan"),
        (
            ["--machine", "{machines}/vmd-no-disks.json", "--plan"],
            3,
            "xeninstall: the machine shows no disks; storage controller",
        ),
        (["--machine", "{machines}/intel-vt-off.json", "--plan"], 3, "switched off in the firmware"),
        (["--machine", "{machines}/uefi-secure-boot.json", "--plan"], 3, "Secure Boot is enforced"),
        (["--machine", "{machines}/none.json", "--plan"], 2, "none.json cannot be read: No such file or directory"),
    ],
)
def test_refused_with_code_and_hint(
    argv: list[str], code: int, says: str, answers: str, system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"tmp": str(tmp_path), "machines": str(DATA / "machines")}
    assert main(["install", answers, "--system", system, *(word.format(**places) for word in argv)]) == code
    captured = capsys.readouterr()
    assert says.format(**places) in captured.err
    assert captured.err.splitlines()[-1].startswith("  -> ")
    assert captured.out == ""


def test_mistakes_of_the_answer_file_come_first_and_bare(system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(LEAST + "[network]\nvlan = 5000\n")
    assert main(["install", str(bad), "--target", str(tmp_path / "x.img"), "--system", system, "--plan"]) == 2
    assert capsys.readouterr().err.startswith(f"{bad}:7: network.vlan: ")


def test_the_system_image_must_be_there(answers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["install", answers, "--target", str(tmp_path / "x.img"), "--plan"]
    assert main([*argv, "--system", str(tmp_path / "none.squashfs")]) == 2
    assert "none.squashfs is missing" in capsys.readouterr().err
    assert main([*argv, "--system", ""]) == 2


# ---- what only root gets to --------------------------------------------------------------------------------------------


def test_others_are_told_to_become_root(
    answers: str, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert main(["install", answers, "--target", str(tmp_path / "x.img"), "--system", system]) == 2
    assert capsys.readouterr().err == "xeninstall: installing needs root: it mounts file systems\n  -> use sudo\n"


@pytest.mark.root
def test_an_altered_image_is_found_out_before_the_target_is_touched(
    answers: str, system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(system).write_bytes(b"squashfX")
    image = tmp_path / "x.img"
    assert main(["install", answers, "--target", str(image), "--system", system, "--json"]) == 1
    captured = capsys.readouterr()
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert (events[-1]["event"], events[-1]["stage"], events[-1]["exit_code"]) == ("Failed", "check", 1)
    assert "is damaged: its sha256 is " in captured.err
    assert not image.exists()


@pytest.mark.root
def test_resuming_needs_a_target_and_a_journal(
    answers: str, system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", answers, "--system", system, "--resume"]) == 2
    assert "--resume needs --target" in capsys.readouterr().err
    assert main(["install", answers, "--system", system, "--resume", "--target", str(tmp_path / "x.img")]) == 2
    assert "nothing to resume" in capsys.readouterr().err


@pytest.mark.root
def test_resuming_while_another_run_is_at_it_releases_nothing_of_its(
    answers: str, system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("that would take the other run's mounts away")

    monkeypatch.setattr("xeninstall.verbs.install.release_leftovers", never)
    image = str(tmp_path / "x.img")
    with guard.sole_run(image):
        assert main(["install", answers, "--system", system, "--resume", "--target", image]) == 3
    assert "another xeninstall is working on" in capsys.readouterr().err


def test_answers_to_convert_never_install(system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "convert.toml"
    path.write_text('flow = "convert"\n[convert]\nname = "old"\ntarget = "/mnt"\n')
    image = tmp_path / "host.img"
    assert main(["install", str(path), "--target", str(image), "--system", system]) == 2
    assert "these answers are to convert a machine, not to install one" in capsys.readouterr().err
    assert not image.exists()
