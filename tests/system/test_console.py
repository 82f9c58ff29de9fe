"""The console harness itself, against a shell on a pseudo terminal: what it types arrives, what is said comes back."""

import os
import pty
import socket
import threading
from collections.abc import Iterator

import pytest

from .console import Console, ConsoleError


@pytest.fixture
def console() -> Iterator[Console]:
    """A shell whose terminal is the other end of the console's socket."""
    ours, theirs = socket.socketpair()
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("sh", ["sh"])

    def upwards() -> None:
        try:
            while data := os.read(terminal, 4096):
                theirs.sendall(data)
        except OSError:
            pass  # the shell has ended
        theirs.close()

    def downwards() -> None:
        try:
            while data := theirs.recv(4096):
                os.write(terminal, data)
        except OSError:
            pass

    threads = [threading.Thread(target=work, daemon=True) for work in (upwards, downwards)]
    for thread in threads:
        thread.start()
    console = Console(ours, lambda: True)
    console.send("PS1= PS2= ENV=; stty cols 500; echo READY''NOW\n")
    console.expect("READYNOW", 10)
    console.expect("\n", 10)
    yield console
    console.send("\x04")
    os.waitpid(child, 0)
    ours.shutdown(socket.SHUT_RDWR)
    for thread in threads:  # one that comes late would read from the next shell's terminal, which has the same number
        thread.join(10)
    ours.close()
    os.close(terminal)


def test_a_command_gives_its_output_and_its_status(console: Console) -> None:
    assert console.run("echo out; echo err >&2; (exit 3)") == ("out\nerr", 3)


def test_long_commands_and_scripts_arrive_whole(console: Console) -> None:
    text = "0123456789" * 90
    assert console.run(f"echo {text}") == (text, 0)
    assert console.run('for n in 1 2 3; do\n  echo "line $n" # counts\ndone') == ("line 1\nline 2\nline 3", 0)


def test_words_of_the_hypervisor_are_no_output(console: Console) -> None:
    assert console.run("echo one; echo '(XEN) d0: noise'; echo two") == ("one\ntwo", 0)


def test_a_failed_check_names_command_status_and_output(console: Console) -> None:
    with pytest.raises(ConsoleError, match=r"(?s)status 1:.*No such file"):
        console.check("ls /nowhere/at/all || (exit 1)")


def test_waiting_ends_at_a_panic_or_after_its_time(console: Console) -> None:
    console.send("echo 'Kernel 'panic - not syncing\n")
    with pytest.raises(ConsoleError, match="the kernel panicked"):
        console.expect("login: ", 10)
    console.run("true")
    with pytest.raises(ConsoleError, match="1 s passed without 'never said'"):
        console.expect("never said", 1, fatal=False)


def test_a_machine_that_speaks_while_nobody_waits_is_not_held_up() -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    console = Console(ours, lambda: True)
    for _ in range(5000):  # a serial line passes one character at a time, and a few hundred fill a socket
        theirs.send(b".")
    theirs.send(b"login: ")
    console.expect("login: ", 10)
    assert console.said == "." * 5000 + "login: "
    theirs.close()
