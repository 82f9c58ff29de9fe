"""`xeninstall pack`: built, looked into, judged; what is refused has its exit code, and machines can read all of it."""

import json
import os
from pathlib import Path

import pytest

from tests.given import LEAST, SYSTEM
from tests.packs.given import FILES, KERNEL, folder, manifest, new_key
from xeninstall.cli import main
from xeninstall.packs import queue
from xeninstall.verbs import pack as verb


@pytest.fixture(autouse=True)
def surroundings(own_signals: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue of the test's own, and no keys that this machine trusts."""
    monkeypatch.setattr(verb, "DIRECTORIES", (tmp_path / "keys.d",))


def test_a_pack_is_built_signed_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, _ = new_key(tmp_path)
    source = folder(tmp_path / "source")
    out = str(tmp_path / "raid.tar.gz")
    argv = ["pack", "build", str(source), "--name", "acme-raid", "--pack-version", "1.2", "--output", out, "--sign", str(key)]
    assert main(argv) == 0
    assert capsys.readouterr().out == f"{out}: acme-raid 1.2, 3 files, signed\n"
    assert main(["pack", "verify", out]) == 1
    assert "is signed by a key that is not trusted here" in capsys.readouterr().err
    assert main(["pack", "verify", out, "--key", f"{key}.pub", "--kernel", KERNEL]) == 0
    assert "signed by:  Acme packs (SHA256:" in capsys.readouterr().out
    (tmp_path / "keys.d").mkdir()
    (tmp_path / "key.pub").rename(tmp_path / "keys.d/acme.pub")
    assert main(["pack", "verify", out]) == 0
    assert main(argv) == 2
    assert f"{out} exists" in capsys.readouterr().err


def test_inspection_shows_what_verification_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(folder(tmp_path / "source"))
    assert main(["pack", "inspect", source]) == 0
    shown = capsys.readouterr().out
    assert "pack:       acme-raid 1.2 (driver)\n" in shown
    assert "signed by:  nobody: it is unsigned\n" in shown
    assert "modules:    raid\n" in shown
    assert "firmware:   1 files\n" in shown or "firmware:   1 file\n" in shown
    assert main(["pack", "inspect", source, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["trust"], told["modules"], told["kernel"]) == ("acme-raid", "unsigned", ["raid"], KERNEL)
    assert set(told["files"]) == set(FILES)
    assert main(["pack", "verify", source]) == 1
    assert "acme-raid 1.2 is unsigned" in capsys.readouterr().err
    assert main(["pack", "verify", source, "--allow-unsigned", "--sha256", told["sha256"], "--json"]) == 0


def test_the_exit_code_says_what_kind_of_refusal_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(folder(tmp_path / "source"))
    assert main(["pack", "verify", source, "--allow-unsigned", "--kernel", "6.1"]) == 3
    assert main(["pack", "verify", source, "--allow-unsigned", "--sha256", "0" * 64]) == 1
    assert main(["pack", "verify", str(tmp_path / "gone")]) == 1
    assert main(["pack", "verify", source, "--name", "x"]) == 2
    assert "--name goes with build" in capsys.readouterr().err
    assert main(["pack", "build", source, "--output", "x"]) == 2
    assert "build needs --output and --pack-version" in capsys.readouterr().err
    assert main(["pack", "verify", source, "--key", "/gone.pub"]) == 2


@pytest.mark.root
def test_loading_a_pack_for_another_kernel_is_refused_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "prepare", lambda: queue_of(tmp_path))
    assert main(["pack", "load", str(folder(tmp_path / "source")), "--allow-unsigned"]) == 3
    assert f"acme-raid 1.2 has modules for the kernel {KERNEL}, and this one is {os.uname().release}" in capsys.readouterr().err
    assert not list(queue_of(tmp_path).iterdir())


def queue_of(place: Path) -> Path:
    (place / "queue").mkdir(exist_ok=True)
    return place / "queue"


def test_nobody_but_root_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["pack", "load", str(folder(tmp_path / "source"))]) == 2


def test_a_plan_reads_the_packs_of_the_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "system.squashfs").touch()
    (tmp_path / "system.json").write_text(SYSTEM.to_json())
    files = {"firmware/x": b"x"}
    folder(tmp_path / "raid", files, manifest(files, kernel=None).text())
    answers = tmp_path / "answers.toml"
    text = LEAST + '[storage]\ntype = "files"\n[[packs]]\nsource = "raid"\n'
    argv = ["install", str(answers), "--target", str(tmp_path / "x.img"), "--system", str(tmp_path / "system.squashfs"), "--plan"]
    answers.write_text(text)
    assert main(argv) == 1
    assert f"{tmp_path}/raid: acme-raid 1.2 is unsigned" in capsys.readouterr().err
    answers.write_text(text + "allow_unsigned = true\n")
    assert main(argv) == 0
    shown = capsys.readouterr()
    assert "install the pack acme-raid 1.2, signed by nobody: it is unsigned, sha256 " in shown.out
    assert shown.err == f"reading the pack {tmp_path}/raid\n"
    assert main([*argv, "--json"]) == 0
    json.loads(capsys.readouterr().out)
