"""The playbook: Ansible itself takes it, and every command line in it is one that our parser takes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from xeninstall.bootstrap.show import NOTHING
from xeninstall.parser import build_parser

PLACE = Path(__file__).parents[2] / "xeninstall/examples/ansible"


def tasks() -> list[dict[str, Any]]:
    """Every task of the only play."""
    (play,) = yaml.safe_load((PLACE / "bootstrap.yml").read_text())
    return [*play["tasks"], *play["post_tasks"]]


def test_ansible_finds_no_mistake_in_it(tmp_path: Path) -> None:
    argv = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "--syntax-check",
        "-i",
        str(PLACE / "hosts.ini"),
        str(PLACE / "bootstrap.yml"),
    ]
    environment = os.environ | {"ANSIBLE_LOCALHOST_WARNING": "false", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stdout + done.stderr


def test_every_command_of_ours_in_it_is_one_that_we_have() -> None:
    ours = [argv for task in tasks() if (argv := task.get("ansible.builtin.command", {}).get("argv")) and "xeninstall" in argv[0]]
    assert [build_parser().parse_args(argv[1:]).verb for argv in ours] == ["check", "bootstrap", "bootstrap"]


def test_it_knows_when_there_is_nothing_to_do() -> None:
    (when,) = (task["when"] for task in tasks() if "notify" in task)
    assert repr(NOTHING) in when


def test_a_small_debian_gets_what_ansible_s_pip_module_needs() -> None:
    order = [key for task in tasks() for key in task if key in ("ansible.builtin.apt", "ansible.builtin.pip")]
    (packages,) = (task["ansible.builtin.apt"]["name"] for task in tasks() if "ansible.builtin.apt" in task)
    assert order == ["ansible.builtin.apt", "ansible.builtin.pip"]
    assert {"python3-venv", "python3-packaging"} <= set(packages)
