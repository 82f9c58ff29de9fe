"""A terminal at the far end of a serial line: what comes is drawn, keys arrive as they are, and it ends with the line."""

import socket
import sys
from pathlib import Path

from .installer import REPOSITORY
from .terminal import Terminal


def test_a_terminal_on_a_socket_draws_what_comes_and_sends_every_key(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "serial"))
        server.listen(1)
        argv = [sys.executable, "-m", "tests.system.line", str(tmp_path / "serial")]
        with Terminal("vt220", argv, REPOSITORY) as terminal:
            wire, _ = server.accept()
            terminal.takes_keys()
            with wire:
                wire.sendall(b"\x1b[2J\x1b[5;3Hlogin: ")
                assert terminal.expect("  login:", 10).splitlines()[4] == "  login:"
                terminal.press("C-c", "Down", "Enter")
                arrived = b""
                while len(arrived) < 5:
                    arrived += wire.recv(64)
                assert arrived == b"\x03\x1b[B\r"
            assert terminal.ended(10) == 0
