"""The command line as argparse sees it: the manual page and the completion are made from it, too."""

import argparse

from . import __version__


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; manual page and completion are made from it, too."""
    parser = argparse.ArgumentParser(
        prog="xeninstall",
        description="Install a Xen host (Debian 13 with Debian's Xen) onto a disk or a disk image, from an answer file.",
        epilog="Exit status: 0 done, 1 failed, 2 bad usage or answers, 3 requirements not met, 4 stopped and resumable.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"xeninstall {__version__}", help="print the version and exit")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)

    check = add("check", "check an answer file and list every error at once")
    check.add_argument("answers", metavar="FILE", help="answer file (TOML); - reads standard input")
    check.add_argument("--json", action="store_true", help="print the errors as JSON")

    answers = add("answers", "make a checked answer file for each machine of a list")
    answers.add_argument("action", metavar="ACTION", choices=["render"], help="render: fill the template")
    answers.add_argument("template", metavar="FILE", help="answer file with {column} where machines differ")
    answers.add_argument(
        "--inventory", metavar="FILE", required=True, help="list of machines, .csv or .toml, with a column serial, mac or both"
    )
    answers.add_argument(
        "--output", metavar="DIRECTORY", help="write serial/SERIAL.toml and mac/MAC.toml into it; without it only check"
    )
    answers.add_argument("--json", action="store_true", help="print machines and files, or the errors, as JSON")

    add("schema", "print the JSON Schema of answer files, for editors")

    example = add("example", "print an example answer file, or list the examples")
    example.add_argument("name", metavar="NAME", nargs="?", help="which example")

    probe = add("probe", "show what this machine has and whether it can be a Xen host")
    probe.add_argument("--json", action="store_true", help="print the machine profile, which --machine reads")
    probe.add_argument("--machine", metavar="FILE", help="show a recorded profile instead of this machine")
    probe.add_argument(
        "--report", action="store_true", help="print a report to send: hardware, versions, settings and state, and no secrets"
    )

    prove = add("prove", "prove the network of an answer file here: link, address, gateway, DNS, NTP; no disk is touched")
    prove.add_argument("answers", metavar="FILE", help="answer file (TOML)")
    prove.add_argument(
        "--interface", metavar="NAME", action="append", help="ask through this interface, not the answers' (again for a bond)"
    )
    prove.add_argument("--json", action="store_true", help="print each result as a line of JSON")

    install = add("install", "install a Xen host by an answer file")
    install.add_argument("answers", metavar="ANSWERS", help="answer file (TOML)")
    install.add_argument(
        "--target", metavar="DISK|FILE", help="disk or image file to install onto; by default the disk that the answers name"
    )
    install.add_argument(
        "--size", metavar="SIZE", default="16G", help="size of a new image file (default 16G); the file is sparse"
    )
    install.add_argument("--system", metavar="IMAGE.squashfs", help="system image, with its description IMAGE.json beside it")
    install.add_argument("--plan", action="store_true", help="print what would be done, and what would be lost; write nothing")
    install.add_argument("--files", action="store_true", help="with --plan: print the text of each file that would be written")
    install.add_argument("--machine", metavar="FILE", help="with --plan: plan for a recorded machine profile")
    install.add_argument("--json", action="store_true", help="print the plan, or the progress events a line each, as JSON")
    install.add_argument("--resume", action="store_true", help="go on with an interrupted installation onto the same target")
    install.add_argument("--seed", metavar="HEX", help="32 hexadecimal digits that all UUIDs come from; random by default")

    bootstrap = add("bootstrap", "make a Xen host out of the running Debian 12 or 13, in place, over SSH if need be")
    bootstrap.add_argument("answers", metavar="ANSWERS", nargs="?", help='answer file (TOML) with flow = "bootstrap"')
    bootstrap.add_argument(
        "--plan", action="store_true", help="print every package and the difference in every file; change nothing"
    )
    bootstrap.add_argument(
        "--rollback-after",
        metavar="TIME",
        default="10m",
        help="put the old network back when the new one is not confirmed in this time (default 10m)",
    )
    bootstrap.add_argument("--confirm", action="store_true", help="keep the network change that waits for it")
    bootstrap.add_argument("--resume", action="store_true", help="go on with an interrupted run and the same answers")
    bootstrap.add_argument("--reboot", action="store_true", help="reboot into Xen when everything is in place")
    bootstrap.add_argument("--json", action="store_true", help="print the plan, or the progress events a line each, as JSON")

    wizard = add("wizard", "install with screens that ask, show and explain")
    wizard.add_argument("--answers", metavar="FILE", help="start from an answer file: only what it leaves open is asked")
    wizard.add_argument(
        "--target", metavar="DISK|FILE", help="disk or image file to install onto; without it a disk is chosen on the screen"
    )
    wizard.add_argument(
        "--size", metavar="SIZE", default="16G", help="size of a new image file (default 16G); the file is sparse"
    )
    wizard.add_argument("--system", metavar="IMAGE.squashfs", help="system image, with its description IMAGE.json beside it")
    wizard.add_argument("--flow", metavar="NAME", help="begin with this line of the menu, such as install or convert")
    wizard.add_argument(
        "--machine", metavar="FILE", help="rehearse on a recorded machine profile; nothing is written, and every screen says so"
    )

    pack = add("pack", "build, inspect, verify or load a pack of drivers, firmware, packages or templates")
    pack.add_argument("action", metavar="ACTION", choices=["build", "inspect", "verify", "load"], help="what to do with the pack")
    pack.add_argument("source", metavar="PATH|URL", help="the pack; with build: the directory that it is made from")
    pack.add_argument("--key", metavar="FILE", action="append", help="also trust the keys in this .pub file (again for more)")
    pack.add_argument(
        "--sha256", metavar="DIGEST", help="with verify and load: refuse any other pack than this (of its pack.toml)"
    )
    pack.add_argument("--kernel", metavar="RELEASE", help="with verify: refuse modules for another kernel; with build: theirs")
    pack.add_argument(
        "--allow-unsigned", action="store_true", help="with verify and load: take it although no trusted key has signed it"
    )
    pack.add_argument("--json", action="store_true", help="print what was found, or done, as JSON")
    pack.add_argument(
        "--output", metavar="FILE", help="with build: a new directory, or a file (.tar, .tar.gz, .tar.xz, .tar.zst, .iso)"
    )
    pack.add_argument("--name", metavar="NAME", help="with build: name of the pack; that of the directory by default")
    pack.add_argument("--pack-version", metavar="VERSION", help="with build: version of the pack")
    pack.add_argument(
        "--kind", choices=["driver", "supplemental"], default="driver", help="with build: its kind (default driver)"
    )
    pack.add_argument("--description", metavar="TEXT", default="", help="with build: a line about it")
    pack.add_argument(
        "--load", metavar="MODULE", action="append", help="with build: load this module (again for more); by default all of them"
    )
    pack.add_argument("--sign", metavar="KEYFILE", help="with build: sign it with this OpenSSH private key")

    setup = add("setup", "show a running host's state, and change its settings with screens")
    setup.add_argument(
        "--console", action="store_true", help="as on the host's own console: anybody may look, changes ask for root's password"
    )
    setup.add_argument("--confirm", action="store_true", help="without screens: keep the change that waits to be confirmed")
    setup.add_argument("--undo", action="store_true", help="without screens: undo the change that waits to be confirmed")
    setup.add_argument(
        "--undo-after",
        metavar="SECONDS",
        type=int,
        default=90,
        help="how long a change of the network waits to be confirmed before it is undone (default 90)",
    )

    start = add("start", "do what the boot medium was started for: wizard, unattended installation, rescue or shell")
    start.add_argument(
        "--command-line",
        metavar="FILE",
        default="/proc/cmdline",
        help="read the kernel's words from this file (default /proc/cmdline); xeninstall-boot(7) describes them",
    )
    start.add_argument("--system", metavar="IMAGE.squashfs", help="system image, with its description IMAGE.json beside it")

    rescue = add("rescue", "find installed hosts, open a shell in one, repair its boot loader")
    rescue.add_argument("--list", action="store_true", help="list what is found, and do nothing else")
    rescue.add_argument(
        "--target",
        metavar="DISK|FILE",
        action="append",
        help="look there only (again for more); all disks of this machine if none",
    )
    rescue.add_argument(
        "--host", metavar="N|DEVICE", help="which one of the list, by number or by device; needless for the only one"
    )
    rescue.add_argument("--shell", action="store_true", help="open a shell in it, mounted read-only")
    rescue.add_argument("--write", action="store_true", help="with --shell: mount it writable")
    rescue.add_argument(
        "--repair-boot", action="store_true", help="write its boot loader anew: menu, BIOS boot code, EFI system partition"
    )
    rescue.add_argument("--json", action="store_true", help="print the list as JSON")

    logs = add("logs", "gather logs, journals and system information into one file to send")
    logs.add_argument(
        "--output", metavar="FILE", default="xeninstall-logs.tar.gz", help="where to write it (default xeninstall-logs.tar.gz)"
    )
    logs.add_argument(
        "--target", metavar="DISK|FILE", help="also take the log and the journal of an installation onto this target"
    )

    man = add("man", "show a manual page")
    man.add_argument(
        "page",
        metavar="PAGE",
        nargs="?",
        default="xeninstall.8",
        choices=["xeninstall.8", "xeninstall-answers.5", "xeninstall-boot.7"],
        help="xeninstall.8 (default), xeninstall-answers.5 or xeninstall-boot.7",
    )
    man.add_argument("--roff", action="store_true", help="print the page's source instead of showing it")

    completion = add("completion", "print the completion script of a shell")
    completion.add_argument("shell", choices=["bash"], help="bash")
    return parser
