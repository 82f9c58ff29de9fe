"""The plan for people: stage by stage, every package, every file with its difference; nothing secret."""

from xeninstall.plan.model import MakeLink, Remove, RunHook, SetRootPassword, WriteFile

from .model import BootstrapAction, BootstrapPlan, BootXenOnce, Command, FileChange, InstallDebs, KeepAnswers, TryNetwork

NOTHING = "nothing to do: this system is what the answers say"


def show(plan: BootstrapPlan) -> str:
    """All of it."""
    lines = [plan.title, ""]
    if plan.warnings:
        lines += ["WARNINGS", *(f"  {warning}" for warning in plan.warnings), ""]
    if plan.empty:
        return "\n".join([*lines, NOTHING, *_reboot(plan)]) + "\n"
    for number, stage in enumerate(plan.stages, 1):
        lines.append(f"{number}. {stage.title}")
        lines += [f"   {line}" for action in stage.actions for line in _action(action, plan)]
        if not stage.actions:
            lines.append("   nothing to do")
    return "\n".join([*lines, *_reboot(plan)]) + "\n"


def head(plan: BootstrapPlan) -> str:
    """What is about to happen, in a few lines."""
    return "\n".join([plan.title, *(f"  warning: {warning}" for warning in plan.warnings)])


def _reboot(plan: BootstrapPlan) -> list[str]:
    return ["", "Xen runs after a reboot."] if plan.reboot_needed else []


def _action(action: BootstrapAction, plan: BootstrapPlan) -> list[str]:
    match action:
        case WriteFile() | MakeLink() | Remove():
            return _file(action, plan)
        case SetRootPassword():
            return ["set root's password"]
        case RunHook(name=name):
            return [f"run the hook {name}"]
        case InstallDebs(names=names, lines=lines):
            return [f"install {', '.join(names)}, with all they need:", *(f"  {line}" for line in lines)]
        case Command(argv=argv, why=why):
            return [f"run {' '.join(argv)}: {why}"]
        case TryNetwork(files=files):
            first = "change the network, and put it back unless the change is confirmed in time:"
            return [first, *(f"  {line}" for change in files for line in _file(change, plan))]
        case BootXenOnce(xen=xen, linux=linux):
            return [f"boot {xen} once; {linux} stays the default until Xen was seen running"]
        case KeepAnswers():
            return ["keep the answers (without secrets) in /etc/xeninstall/answers.toml"]


def _file(change: FileChange, plan: BootstrapPlan) -> list[str]:
    match change:
        case WriteFile(path=path, mode=mode):
            first = f"write {path} ({mode:04o})"
        case MakeLink(path=path, to=to):
            first = f"link {path} -> {to}"
        case Remove(path=path):
            first = f"remove {path}"
    return [first, *(f"| {line}" for line in plan.diffs.get(change.path, "").splitlines())]
