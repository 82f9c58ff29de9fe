"""The setup console before the login: drop-ins over Debian's own units, and a script that always ends in a login."""

import subprocess
from pathlib import Path

from tests.given import files, plan_for
from xeninstall.plan.console import PROGRAM

_TTY1 = "/etc/systemd/system/getty@tty1.service.d/xeninstall.conf"
_SERIAL = "/etc/systemd/system/serial-getty@.service.d/xeninstall.conf"


def test_it_stands_on_the_screen_and_on_serial_lines() -> None:
    written = files(plan_for("uefi-plain"))
    for path in (_TTY1, _SERIAL):
        assert written[path].startswith(f"# Written by xeninstall.\n[Service]\nExecStart=\nExecStart=-{PROGRAM} -o '-- \\\\u' ")
        assert written[path].endswith(" - ${TERM}\n")


def test_the_plain_login_can_be_had() -> None:
    written = files(plan_for("uefi-plain", "[console]\nsetup = false\n"))
    assert not {PROGRAM, _TTY1, _SERIAL} & set(written)


def test_the_script_is_good_shell_and_ends_in_a_login_whatever_becomes_of_the_console(tmp_path: Path) -> None:
    text = files(plan_for("uefi-plain"))[PROGRAM]
    script = tmp_path / "console"
    script.write_text(text)
    subprocess.run(["shellcheck", str(script)], check=True)
    (tmp_path / "stty").write_text('#!/bin/sh\n[ $# -gt 1 ] && echo stty "$@" >&2 || echo 0 0\n')
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "agetty").write_text('#!/bin/sh\necho "login $*"\n')
    script.write_text(text.replace("/sbin/agetty", "agetty"))
    for status in (0, 1, 139):
        (tmp_path / "xeninstall").write_text(f'#!/bin/sh\necho "console $* $LANG $ESCDELAY"\nexit {status}\n')
        for name in ("stty", "sleep", "agetty", "xeninstall", "console"):
            (tmp_path / name).chmod(0o755)
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run([script, "--noclear", "-", "vt220"], capture_output=True, text=True, check=True, env=environment)
        assert done.stdout == "console setup --console C.UTF-8 400\nlogin --noclear - vt220\n"
        assert done.stderr == "stty rows 24 cols 80\n"
