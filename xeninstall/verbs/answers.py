"""`xeninstall answers render TEMPLATE --inventory FILE`: an answer file for each machine of a list, all checked, or none."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from xeninstall.answers.fleet.render import Fleet, FleetError, Rendered, render
from xeninstall.base.errors import ExitCode, UsageError


def run(args: argparse.Namespace) -> int:
    """Check everything; then, with --output, write."""
    try:
        fleet = render(Path(args.template), Path(args.inventory))
    except FleetError as error:
        if args.json:
            print(json.dumps({"valid": False, "problems": _problems(error)}, indent=2))
        else:
            print(error.message)
        return ExitCode.USAGE
    left = write(fleet, Path(args.output)) if args.output else ()
    if args.json:
        machines = [{"line": one.line, **one.keys, "files": [str(path) for path in one.paths]} for one in fleet.machines]
        print(json.dumps({"valid": True, "machines": machines, "unused": fleet.unused, "of_no_machine": left}, indent=2))
        return ExitCode.DONE
    for machine in fleet.machines:
        print(f"{_name(machine):<30} {' '.join(str(path) for path in machine.paths)}")
    for name in fleet.unused:
        print(f"the column {name} is not used by {args.template}", file=sys.stderr)
    for path in left:
        print(f"{args.output}/{path} is of no machine in {args.inventory}; remove it if it is not wanted", file=sys.stderr)
    where = f"written into {args.output}" if args.output else "no errors; --output DIRECTORY writes them"
    print(f"{len(fleet.machines)} answer file{'s' if len(fleet.machines) != 1 else ''}: {where}")
    return ExitCode.DONE


def _problems(error: FleetError) -> list[dict[str, object]]:
    return [{"file": str(path), "line": problem.line, "key": problem.key, "text": problem.text} for path, problem in error.found]


def _name(machine: Rendered) -> str:
    host = machine.answers.host
    return f"{host.name}.{host.domain}" if host.domain else host.name


def write(fleet: Fleet, folder: Path) -> tuple[str, ...]:
    """Each file at once or not at all, for the owner and the group alone, since it may hold a hash; returns files of others."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a directory", hint="name a directory with --output")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {str(path): machine.text for machine in fleet.machines for path in machine.paths}
    for kind in sorted({path.partition("/")[0] for path in wanted}):
        if (folder / kind).is_symlink():
            raise UsageError(f"{folder / kind} is a symbolic link", hint="put a directory there, or name another --output")
        (folder / kind).mkdir(mode=0o750, exist_ok=True)
    for path, text in wanted.items():
        place = folder / path
        handle, scratch = tempfile.mkstemp(prefix=".new-", dir=place.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o640)
                file.write(text)
            Path(scratch).replace(place)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
    there = (path for kind in ("mac", "serial") for path in (folder / kind).glob("*.toml"))
    return tuple(sorted(str(path.relative_to(folder)) for path in there if str(path.relative_to(folder)) not in wanted))
