"""Answers into a finished medium: its files are taken out, the answers put beside them, and the image is made of them again.

There is no second way to build them in: a remaster is, byte for byte, what building the medium with the same answers gives. It
needs neither root nor network nor the tree that the medium was built from.
"""

import tempfile
import tomllib
from pathlib import Path

from xeninstall.answers.load import load
from xeninstall.base.errors import UsageError
from xeninstall.base.run import MissingTool, Runner, find_tool

from . import image, make, tree

_HOOKS = ("before_disk", "installed", "first_boot")


def checked_answers(path: Path) -> bytes:
    """The answer file, as the product itself accepts it. Raises UsageError, also when it needs what will not be on the medium."""
    load(path)
    data = path.read_bytes()
    said = tomllib.loads(data.decode("utf-8-sig"))
    if "password_file" in said.get("root", {}):
        raise UsageError(
            f"{path}: root.password_file: the password's file does not come along with the answers",
            hint="give root.password_hash instead; openssl passwd -6 makes one",
        )
    for key in ("identity", "password_file", "ca"):
        name = said.get("convert", {}).get(key)
        if name is not None and not name.startswith("/"):
            raise UsageError(
                f"{path}: convert.{key}: the file {name} does not come along with the answers",
                hint="put the answers and the file onto a stick labelled XENANSWERS, as answers.toml beside it",
            )
    for hook in _HOOKS:
        script = said.get("hooks", {}).get(hook)
        if script is not None and not script.startswith("#!"):
            raise UsageError(
                f"{path}: hooks.{hook}: the file {script} does not come along with the answers",
                hint="write the script itself into the answer file, beginning with #!",
            )
    return data


def remaster(finished: Path, answers: Path, target: Path, runner: Runner) -> None:
    """Write `target`, a medium that installs by these answers. Raises Error and leaves an older target as it was."""
    data = checked_answers(answers)
    for tool in image.TOOLS:
        if find_tool(tool) is None:
            raise MissingTool(tool)
    if target.exists() and target.samefile(finished):
        raise UsageError(f"{target} is the medium itself", hint="name another file for the one with the answers")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".remaster-", dir=target.parent) as scratch:
        work = Path(scratch)
        image.extract(finished, work / "medium", runner)
        tree.seal(work / "medium", data)
        made = work / target.name
        image.assemble(work / "medium", made, work, runner)
        make.publish(made, target)
