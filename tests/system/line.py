"""`python -m tests.system.line SOCKET`: this terminal becomes the far end of a machine's serial line."""

import os
import select
import socket
import sys
import tty


def main(path: str) -> None:
    """Carry bytes both ways until either end is gone."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(path)
        tty.setraw(sys.stdin.fileno())
        while True:
            ready, _, _ = select.select([wire, sys.stdin], [], [])
            if wire in ready:
                if not (data := wire.recv(65536)):
                    return
                os.write(sys.stdout.fileno(), data)
            if sys.stdin in ready:
                if not (data := os.read(sys.stdin.fileno(), 4096)):
                    return
                wire.sendall(data)


if __name__ == "__main__":
    main(sys.argv[1])
