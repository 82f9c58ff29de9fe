"""`xeninstall bootstrap`: a running Debian becomes a Xen host, in place."""

import argparse
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from xeninstall.answers.dump import dump
from xeninstall.answers.load import load
from xeninstall.answers.model import After, Answers, Flow
from xeninstall.base.errors import UsageError
from xeninstall.base.events import Emit
from xeninstall.base.run import Runner, SystemRunner
from xeninstall.bootstrap.build import build
from xeninstall.bootstrap.model import BootstrapPlan, answers_digest
from xeninstall.bootstrap.packages import wanted
from xeninstall.bootstrap.pending import root_hash
from xeninstall.bootstrap.places import JOURNAL, LOG
from xeninstall.bootstrap.present import Present, present
from xeninstall.bootstrap.show import NOTHING, head, show
from xeninstall.machine.look import Look
from xeninstall.machine.probe import probe

_UNITS = {"s": 1, "m": 60, "h": 3600}
_SHORTEST_SECONDS, _LONGEST_SECONDS = 30, 24 * 3600


def run(args: argparse.Namespace) -> int:
    """Confirm, plan, or do it."""
    if args.confirm:
        return _confirm(args)
    if args.answers is None:
        raise UsageError("no answer file was named", hint="xeninstall bootstrap ANSWERS, or --confirm alone")
    seconds = rollback_seconds(args.rollback_after)
    must_be_root()
    runner, path = SystemRunner(), Path(args.answers)
    look = Look(runner)
    stdin = sys.stdin.buffer.read if sys.stdin else None
    answers = load(path, stdin=stdin, known_hash=root_hash(look))
    if answers.flow is not Flow.BOOTSTRAP:
        raise UsageError(
            f"{path} is {'to convert a machine' if answers.flow is Flow.CONVERT else 'for an installation onto a disk'}"
            f" (flow = {answers.flow.value})",
            hint='write flow = "bootstrap" at its top, and leave [disk] and [storage] out',
        )
    if args.plan:
        plan = build(answers, probe(runner), present(look))
        print(plan.model_dump_json(indent=2) + "\n" if args.json else show(plan), end="")
        return 0
    return _bootstrap(args, answers, look, seconds)


def _bootstrap(args: argparse.Namespace, answers: Answers, look: Look, seconds: int) -> int:
    from xeninstall.apply.guard import sole_run
    from xeninstall.apply.perform import Listener, listening
    from xeninstall.apply.records import log_to
    from xeninstall.bootstrap.execute import Surroundings, execute, go_back_if_half_way, new_journal
    from xeninstall.bootstrap.prove import own_session

    from .progress import Lines, json_lines

    emit: Emit = json_lines if args.json else Lines(sys.stdout)
    runner = look.runner
    with sole_run("/"):
        _refuse_the_wrong_run(answers, runner, resumed=args.resume)
        Path(LOG).parent.mkdir(parents=True, exist_ok=True)
        handler = log_to(Path(LOG))
        try:
            go_back_if_half_way(runner, emit)
            plan = _planned(answers, look)
            if plan.empty:
                return _nothing(plan, args, answers, look)
            if not args.json:
                print(head(plan), flush=True)
            around = Surroundings(runner, emit, seconds, own_session(dict(os.environ)))
            with listening(Listener(answers.hooks.webhook or ""), emit) as tell:
                execute(plan, new_journal(plan), replace(around, emit=tell))
            if not args.json:
                _print_tail(plan)
            return _reboot(plan, args, answers, look)
        finally:
            logging.getLogger("xeninstall").removeHandler(handler)
            handler.close()


def _planned(answers: Answers, look: Look) -> BootstrapPlan:
    from xeninstall.bootstrap.execute import refresh_lists

    found: Present = present(look)
    # The package sources are asked only when something has to come from them.
    if any(name not in found.installed for name in wanted(answers, found)):
        refresh_lists(look.runner)
    return build(answers, probe(look.runner), found)


def _refuse_the_wrong_run(answers: Answers, runner: Runner, *, resumed: bool) -> None:
    """--resume goes on with the same answers only. Raises UsageError."""
    from xeninstall.apply.journal import Journal
    from xeninstall.bootstrap.trial import Trial

    if not resumed:
        if Trial(runner).way.waits:
            raise UsageError(
                "a network change waits for its confirmation",
                hint="--confirm keeps it; --resume puts it back and goes on; left alone, it goes back by itself",
            )
        return
    journal = Journal.read(Path(JOURNAL))
    if journal.state == "done":
        raise UsageError("the last bootstrap is finished: nothing to resume", hint="start it without --resume")
    if journal.plan != answers_digest(dump(answers)):
        raise UsageError(
            "the answers differ from those of the interrupted run", hint="restore them, or start anew without --resume"
        )


def _confirm(args: argparse.Namespace) -> int:
    from xeninstall.bootstrap.trial import Trial

    if args.answers is not None or args.plan or args.resume or args.reboot:
        raise UsageError("--confirm stands alone", hint="xeninstall bootstrap --confirm")
    must_be_root()
    if not Trial(SystemRunner()).confirm():
        raise UsageError("no network change waits for its confirmation", hint="see ip address")
    print("the new network is confirmed")
    return 0


def _nothing(plan: BootstrapPlan, args: argparse.Namespace, answers: Answers, look: Look) -> int:
    if args.json:
        from xeninstall.base.events import Finished

        from .progress import json_lines

        json_lines(Finished(0.0, plan.facts))
    else:
        print(NOTHING)
    return _reboot(plan, args, answers, look)


def _reboot(plan: BootstrapPlan, args: argparse.Namespace, answers: Answers, look: Look) -> int:
    told = args.reboot or ("after" in answers.finish.model_fields_set and answers.finish.after is After.REBOOT)
    if plan.reboot_needed and told:
        if not args.json:
            print("rebooting into Xen", flush=True)
        look.runner.run(["systemctl", "reboot"])
    elif plan.reboot_needed and not args.json:
        print("Xen runs after a reboot.")
    return 0


def _print_tail(plan: BootstrapPlan) -> None:
    for name, value in plan.facts.items():
        print(f"  {name + ':':<12} {value}")
    print(f"  {'log:':<12} {LOG}")


def rollback_seconds(text: str) -> int:
    """30s, 10m, 1h in seconds; raises UsageError."""
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or len(number) > 6 or unit not in _UNITS:
        raise UsageError(f"--rollback-after {text} is no time", hint="write it like 90s, 10m or 1h")
    seconds = int(number) * _UNITS[unit]
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise UsageError(f"--rollback-after {text} is too {'short' if seconds < 60 else 'long'}", hint="give 30s to 24h")
    return seconds


def must_be_root() -> None:
    """Raises UsageError for anybody else."""
    if os.geteuid() != 0:
        raise UsageError("bootstrap needs root: it reads and changes this system", hint="use sudo")
