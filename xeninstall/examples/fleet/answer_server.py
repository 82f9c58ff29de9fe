"""The POST way: gives each machine that shows its profile the answer file that `xeninstall answers render` wrote for it.

    python3 -m xeninstall.examples.fleet.answer_server /srv/answers --port 8080 [--certificate FILE.pem --key FILE.key]

Machines ask it with xeninstall.post=http://SERVER:8080/. It looks for the serial number first, then for each card's MAC
address. A machine that is in no list gets 404, and its profile is kept under unknown/, to be looked at. An example to begin
with: it asks nobody for a password, so whoever reaches it can get any answer file. Let only the provisioning network in.
"""

import argparse
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from xeninstall.base.naming import mac_name, serial_name
from xeninstall.machine.model import Machine, MachineError

_PROFILE_MAXIMUM_BYTES = 2**20
_UNKNOWN_MAXIMUM = 1000


def names_of(machine: Machine) -> list[str]:
    """Files that may be this machine's, relative to the directory, in the order in which they are looked for."""
    serial = serial_name(machine.firmware.system_serial)
    return ([f"serial/{serial}.toml"] if serial else []) + [f"mac/{mac_name(nic.mac)}.toml" for nic in machine.nics]


class Handler(BaseHTTPRequestHandler):
    """One machine's question."""

    folder: Path
    timeout = 30

    def do_POST(self) -> None:
        """A profile comes, an answer file goes."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _PROFILE_MAXIMUM_BYTES:
            return self._say(400, b"send a machine's profile: xeninstall probe --json\n")
        body = self.rfile.read(int(length))
        try:
            machine = Machine.from_json(body)
        except MachineError as error:
            return self._say(400, f"{error.message}\n".encode())
        for name in names_of(machine):
            path = self.folder / name
            if path.parent.parent == self.folder and path.is_file():
                self.log_message("%s", f"gave {name}")
                return self._say(200, path.read_bytes(), "application/toml")
        self._keep(machine, body)
        return self._say(404, b"there is no answer file for this machine\n")

    def _keep(self, machine: Machine, body: bytes) -> None:
        names = [name.partition("/")[2].removesuffix(".toml") for name in names_of(machine)] or ["nameless"]
        unknown = self.folder / "unknown"
        unknown.mkdir(mode=0o750, exist_ok=True)
        if len(list(unknown.iterdir())) < _UNKNOWN_MAXIMUM:
            (unknown / f"{names[0][:100]}.json").write_bytes(body)
        self.log_message("%s", f"nothing for {names[0]}")

    def _say(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(argv: list[str] | None = None) -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="answer_server", description="Give machines that show their profile their answer file.")
    parser.add_argument("folder", metavar="DIRECTORY", type=Path, help="what `xeninstall answers render --output` wrote")
    parser.add_argument("--port", type=int, default=8080, help="where to listen (default 8080)")
    parser.add_argument("--certificate", metavar="FILE", help="serve by https with this certificate (PEM)")
    parser.add_argument("--key", metavar="FILE", help="its private key (PEM)")
    args = parser.parse_args(argv)
    handler = type("Bound", (Handler,), {"folder": args.folder.resolve()})
    server = ThreadingHTTPServer(("", args.port), handler)
    if args.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.certificate, args.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(f"listening on port {server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
