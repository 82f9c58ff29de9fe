"""`xeninstall rescue`: hosts that do not start any more."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from xeninstall.base.errors import Error, ExitCode, UsageError
from xeninstall.base.run import Runner, SystemRunner, interact
from xeninstall.medium.console import Choice, Console
from xeninstall.medium.rescue.assemble import assemble
from xeninstall.medium.rescue.enter import shell
from xeninstall.medium.rescue.hosts import Host, hosts
from xeninstall.medium.rescue.repair import repair

from .install import must_be_root


def run(args: argparse.Namespace) -> int:
    """List, open, repair; without being told which, and with somebody there, ask."""
    if args.write and not args.shell:
        raise UsageError("--write goes with --shell", hint="add --shell, or leave it out")
    must_be_root()
    runner, console = SystemRunner(), Console()
    told = [] if args.target else assemble(runner)
    found = hosts(args.target or [], runner)
    if args.json:
        print(json.dumps([{"number": number, **asdict(host)} for number, host in enumerate(found, 1)], indent=2))
    else:
        for line in told:
            print(line)
        for number, host in enumerate(found, 1):
            print(f"{number}  {host.shown}")
    if args.list:
        return ExitCode.DONE
    if not found:
        raise Error("no installed system was found", hint="see the disks with: lsblk; name an image file with --target")
    if args.shell or args.repair_boot:
        return _do(args, _chosen(args.host, found), runner)
    if args.json or not console.interactive:
        return ExitCode.DONE
    return _ask(_chosen(args.host, found) if args.host else None, found, runner, console)


def _do(args: argparse.Namespace, host: Host, runner: Runner) -> int:
    if args.repair_boot:
        repair(host, runner, lambda line: print(line, flush=True))
    if args.shell:
        shell(host, runner, interact, write=args.write)
    return ExitCode.DONE


def _chosen(named: str | None, found: list[Host]) -> Host:
    if named is None:
        if len(found) == 1:
            return found[0]
        raise UsageError(f"{len(found)} systems were found", hint="choose one with --host and its number")
    if named.isdecimal() and 0 < int(named) <= len(found):
        return found[int(named) - 1]
    for host in found:
        if named in (host.place, host.node):
            return host
    raise UsageError(f"--host {named} is none of those that were found", hint="see them with --list")


def _ask(host: Host | None, found: list[Host], runner: Runner, console: Console) -> int:
    if host is None:
        if len(found) > 1:
            # A choice gives a number: the host's place, and one more for the way back.
            choices = [Choice(one.shown, partial(int, place)) for place, one in enumerate(found)]
            place = console.choose("Which one?", [*choices, Choice("Back", lambda: len(found))])
            if place == len(found):
                return ExitCode.STOPPED
            host = found[place]
        else:
            host = found[0]
    one = host

    def guarded(act: Callable[[], object]) -> None:
        try:
            act()
        except Error as error:
            console.say(error.message + (f"\n  -> {error.hint}" if error.hint else ""))

    return console.choose(
        one.shown,
        [
            Choice("A shell in it, mounted read-only", lambda: guarded(lambda: shell(one, runner, interact, write=False))),
            Choice("A shell in it, mounted writable", lambda: guarded(lambda: shell(one, runner, interact, write=True))),
            Choice("Write its boot loader anew", lambda: guarded(lambda: repair(one, runner, console.say))),
            Choice("Back", lambda: ExitCode.DONE),
        ],
    )
