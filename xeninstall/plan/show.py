"""A plan as text: what is lost first, then what is done, stage by stage; nothing secret."""

from xeninstall.base.sizes import format_size

from .model import (
    Action,
    ArrayOf,
    CheckFilesystem,
    CreateArray,
    CreateThinPool,
    Device,
    ExtendInitramfs,
    FillEsp,
    InstallBiosBoot,
    InstallPack,
    InstallPackages,
    KeepRecords,
    MakeFilesystem,
    MakeLink,
    PartitionOf,
    Plan,
    RebuildInitramfs,
    RegisterBootEntry,
    Remove,
    RunHook,
    RunInHost,
    SetClock,
    SetRootPassword,
    UnpackSystem,
    VerifyHost,
    WholeDisk,
    WipeDisk,
    WriteFile,
    WritePartitions,
)


def show(plan: Plan, *, files: bool = False) -> str:
    """The plan for people; with `files`, the text of every file that is not secret."""
    lines = [plan.title, ""]
    if plan.destroys:
        lines.append("WILL BE DESTROYED")
        for loss in plan.destroys:
            lines.append(f"  {loss.disk} ({loss.identity})")
            lines += [f"    {line}" for line in loss.lines]
        lines.append("")
    if plan.warnings:
        lines += ["WARNINGS", *(f"  {warning}" for warning in plan.warnings), ""]
    for number, stage in enumerate(plan.stages, 1):
        lines.append(f"{number}. {stage.title}")
        lines += [f"   {line}" for action in stage.actions for line in describe(action, plan, files=files)]
        if not stage.actions:
            lines.append("   nothing to do")
    return "\n".join(lines) + "\n"


def head(plan: Plan) -> str:
    """What is about to happen and what will be lost, in a few lines."""
    lines = [plan.title]
    lines += [f"  will be lost: {loss.disk} ({loss.identity}): {'; '.join(loss.lines)}" for loss in plan.destroys]
    lines += [f"  warning: {warning}" for warning in plan.warnings]
    return "\n".join(lines)


def device(where: Device, plan: Plan) -> str:
    """A device in words."""
    match where:
        case WholeDisk(disk=key):
            return plan.disk(key).path
        case PartitionOf(disk=key, number=number):
            return f"{plan.disk(key).path} partition {number}"
        case ArrayOf(name=name):
            return f"mirror {name}"


def describe(action: Action, plan: Plan, *, files: bool = False) -> list[str]:
    """One action in words; the first line is the whole of it unless `files` asks for texts."""
    match action:
        case RunHook(name=name):
            return [f"run the hook {name}"]
        case SetClock(moment=moment):
            return [f"set the clock to {moment}"]
        case WipeDisk(disk=key):
            return [f"wipe every signature from {plan.disk(key).path} ({plan.disk(key).identity})"]
        case WritePartitions(disk=key, partitions=partitions):
            return [f"write a GPT to {plan.disk(key).path}"] + [
                f"  {part.number}  {part.name:<9} {format_size(part.size_bytes):>9}  {part.type.name.lower()}"
                for part in partitions
            ]
        case CreateArray(name=name, members=members):
            return [f"create the mirror {name} from {' and '.join(device(member, plan) for member in members)}"]
        case MakeFilesystem(device=where, fstype=fstype, label=label, uuid=uuid):
            return [f"make {fstype} on {device(where, plan)}, label {label}, UUID {uuid}"]
        case CreateThinPool(devices=devices, group=group, pool=pool):
            return [f"create the thin pool {group}/{pool} on {', '.join(device(where, plan) for where in devices)}"]
        case UnpackSystem(sha256=sha256, unpacked_bytes=size):
            return [f"unpack the system image ({format_size(size)}, sha256 {sha256[:16]}…)"]
        case WriteFile(path=path, text=text, mode=mode, secret=secret):
            body = ["| (not shown)"] if secret else [f"| {line}" for line in text.splitlines()]
            return [f"write {path} ({mode:04o})", *(body if files else [])]
        case MakeLink(path=path, to=to):
            return [f"link {path} -> {to}"]
        case Remove(path=path):
            return [f"remove {path}"]
        case SetRootPassword():
            return ["set root's password"]
        case InstallPackages(set=name, debs=debs):
            return [f"install the package set {name} ({len(debs)} packages)"]
        case InstallPack(name=name, version=version, signed_by=signed_by, digest=digest):
            return [f"install the pack {name} {version}, signed by {signed_by}, sha256 {digest[:16]}…"]
        case RunInHost(argv=argv, why=why):
            return [f"run {' '.join(argv)}: {why}"]
        case ExtendInitramfs(path=path, keyboard=keyboard, files=extra):
            return [f"extend {path} with {', '.join([*(['the key map'] if keyboard else []), *extra])}"]
        case RebuildInitramfs(path=path, modules=modules):
            return [f"build {path} anew{f', with {chr(44).join(modules)}' if modules else ''}"]
        case InstallBiosBoot(disk=key):
            return [f"install GRUB for BIOS on {plan.disk(key).path}"]
        case FillEsp(device=where):
            return [f"install shim and GRUB for UEFI on {device(where, plan)}"]
        case RegisterBootEntry(disk=key, label=label):
            return [f'register "{label}" on {plan.disk(key).path} with the firmware']
        case VerifyHost(boot_files=boot_files):
            return [f"verify {len(boot_files)} boot files and every written file"]
        case KeepRecords():
            return ["keep log, journal and the answers (without secrets) in /var/log/xeninstall"]
        case CheckFilesystem(device=where, fstype=fstype):
            return [f"check {fstype} on {device(where, plan)}"]
