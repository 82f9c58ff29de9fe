"""What a command loads: a verb must not wait for what it does not use."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.given import DATA, LEAST, SYSTEM

ROOT = Path(__file__).parent.parent
_HEAVY = {
    "textual",
    "rich",
    "psutil",
    "cpuinfo",
    "netifaces",
    "hypothesis",
    "pytest",
    "subprocess",
    "urllib.request",
    "ssl",
    "tarfile",
}
_SCRIPT = """
import json, sys
from xeninstall.cli import main
try:
    main(json.loads(sys.argv[1]))
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def _loaded(*argv: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", _SCRIPT, json.dumps(argv)], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_version_and_help_load_next_to_nothing() -> None:
    for argv in (("--version",), ("--help",), ("install", "--help")):
        assert not _loaded(*argv) & (_HEAVY | {"pydantic", "xeninstall.answers.model", "xeninstall.machine.model"})


@pytest.mark.parametrize("verb", ["check", "schema", "example"])
def test_verbs_about_answers_look_at_no_machine(verb: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(LEAST)
    loaded = _loaded(*{"check": ("check", str(path))}.get(verb, (verb,)))
    assert not loaded & _HEAVY
    assert not {name for name in loaded if name.startswith(("xeninstall.apply", "xeninstall.plan", "xeninstall.machine"))}


def test_a_plan_loads_nothing_that_carries_it_out(tmp_path: Path) -> None:
    answers, squashfs = tmp_path / "answers.toml", tmp_path / "system.squashfs"
    answers.write_text(LEAST)
    squashfs.touch()
    (tmp_path / "system.json").write_text(SYSTEM.to_json())
    profile = str(DATA / "machines/uefi-plain.json")
    loaded = _loaded("install", str(answers), "--system", str(squashfs), "--machine", profile, "--plan")
    assert "xeninstall.plan.show" in loaded
    assert not loaded & {"xeninstall.apply.execute", "xeninstall.apply.webhook", "textual", "rich", "urllib.request", "ssl"}


def test_a_look_at_a_machine_loads_no_screen() -> None:
    assert "textual" not in _loaded("probe", "--machine", str(DATA / "machines/nvme.json"))
