"""A URL that is different for each machine, and the two ways in which the examples serve a fleet, by the real servers."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.given import Recorder, machine
from tests.servers import authority, certified
from xeninstall.answers.fleet.render import render
from xeninstall.answers.load import load
from xeninstall.base.errors import UsageError
from xeninstall.base.http import HttpError
from xeninstall.base.run import Completed
from xeninstall.examples.fleet import answer_server
from xeninstall.machine.model import Machine
from xeninstall.medium.find import find
from xeninstall.medium.sources.ask import Ask, Found
from xeninstall.medium.sources.named import named
from xeninstall.medium.words import parse
from xeninstall.verbs.answers import write

EXAMPLES = Path(__file__).parents[3] / "xeninstall/examples/fleet"


def this(serial: str = "EX-0001", mac: str = "52:54:00:00:00:01") -> Machine:
    made = machine("nvme")
    nic = made.nics[0].model_copy(update={"mac": mac})
    return made.model_copy(update={"firmware": made.firmware.model_copy(update={"system_serial": serial}), "nics": (nic,)})


def test_names_are_those_that_render_gives_to_files() -> None:
    assert named("https://h/s/{serial}.toml", this("VMware-56 4d 0a")) == "https://h/s/VMware-56-4d-0a.toml"
    assert named("https://h/{mac}/{serial}", this()) == "https://h/52-54-00-00-00-01/EX-0001"
    assert named("https://h/{serial}", this("../../x?y#z%2f")) == "https://h/-.-..-x-y-z-2f"


def test_the_card_that_was_started_from_comes_before_the_default_route_and_that_before_a_link() -> None:
    first, *_ = this().nics
    cards = [
        first.model_copy(update={"mac": f"52:54:00:00:00:0{number}", "link": link, "default_route": route})
        for number, link, route in ((1, False, False), (2, True, False), (3, True, True))
    ]
    for held, boot, wanted in (
        (cards, "", "03"),
        (cards[:2], "", "02"),
        (cards[:1], "", "01"),
        (cards, "52:54:00:00:00:01", "01"),
    ):
        made = this().model_copy(update={"nics": tuple(held)})
        assert named("{mac}", made, boot) == f"52-54-00-00-00-{wanted}"


def test_a_machine_without_the_name_is_told_what_to_do() -> None:
    with pytest.raises(UsageError, match="firmware has no serial number") as error:
        named("https://h/{serial}", this(""))
    assert "{mac}" in error.value.hint and "xeninstall.post" in error.value.hint
    with pytest.raises(UsageError, match="no network card was found"):
        named("https://h/{mac}", this().model_copy(update={"nics": ()}))


def test_a_strange_placeholder_is_a_problem_of_the_command_line() -> None:
    assert "{uuid} is no placeholder; write {serial} or {mac}" in parse("xeninstall.answers=https://h/{uuid}").problems[0]
    words = parse("BOOTIF=01-52-54-00-AA-00-01 xeninstall.answers=https://h/{mac}")
    assert not words.problems and words.boot_mac == "52:54:00:aa:00:01"


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """What render writes of the examples."""
    folder = tmp_path / "srv"
    fleet = render(EXAMPLES / "template.toml", EXAMPLES / "machines.csv")
    write(fleet, folder)
    return folder


def found(tmp_path: Path, line: str, which: Machine) -> Found | None:
    return find(
        Ask(
            words=parse(f"xeninstall.wait=0 {line}"),
            runner=Recorder(lambda argv: Completed(argv, 2, "", "")),
            tell=lambda text: None,
            profile=which.to_json,
            place=tmp_path / "place",
            medium=tmp_path / "medium",
        )
    )


@contextmanager
def nginx(tmp_path: Path, folder: Path, port: int) -> Iterator[Path]:
    """The example's site, with this test's port, directory, certificate and network; gives the authority."""
    ca = authority(tmp_path)
    certified(tmp_path, "fleet")
    site = (EXAMPLES / "nginx.conf").read_text()
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/srv/answers/", f"{folder}/"),
        ("/etc/ssl/certs/fleet.pem", f"{tmp_path}/fleet.pem"),
        ("/etc/ssl/private/fleet.key", f"{tmp_path}/fleet.key"),
        ("allow 192.0.2.0/24", "allow 127.0.0.1"),
    ):
        assert old in site
        site = site.replace(old, new)
    temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user}daemon off;\npid {tmp_path}/nginx.pid;\nerror_log {tmp_path}/error.log;\nevents {{}}\n"
        f"http {{\n{temporary}access_log off;\n{site}}}\n"
    )
    server = subprocess.Popen(["nginx", "-c", f"{tmp_path}/nginx.conf", "-e", f"{tmp_path}/error.log"])
    try:
        for _ in range(200):
            if (tmp_path / "nginx.pid").exists():
                break
            assert server.poll() is None, (tmp_path / "error.log").read_text()
            time.sleep(0.05)
        yield ca
    finally:
        server.terminate()
        server.wait(10)


def free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), answer_server.Handler) as server:
        return int(server.server_address[1])


def test_nginx_serves_answers_by_serial_and_by_mac_and_nothing_else(tmp_path: Path, served: Path) -> None:
    (served / "serial/secret.txt").write_text("no answer file")
    port = free_port()
    with nginx(tmp_path, served, port) as ca:
        base = f"xeninstall.ca={ca} xeninstall.answers=https://127.0.0.1:{port}"
        by_serial = found(tmp_path, f"{base}/answers/serial/{{serial}}.toml", this("VMware-56 4d 0a"))
        assert by_serial is not None and load(by_serial.path).host.name == "rack1-c"
        by_mac = found(tmp_path, f"BOOTIF=01-52-54-00-00-00-02 {base}/answers/mac/{{mac}}.toml", this())
        assert by_mac is not None and load(by_mac.path).host.name == "rack1-b"
        for path in ("/", "/answers/", "/answers/serial/", "/answers/serial/secret.txt", "/answers/serial/..%2f..%2ffleet.key",
                     "/answers/serial/.new-x.toml"):  # fmt: skip
            with pytest.raises(HttpError, match=r"40[34]"):
                found(tmp_path, f"{base}{path}", this())
        with pytest.raises(HttpError, match="404"):
            found(tmp_path, f"{base}/answers/serial/{{serial}}.toml", this("EX-0009"))


@contextmanager
def by_post(folder: Path) -> Iterator[str]:
    handler = type("Bound", (answer_server.Handler,), {"folder": folder, "log_message": lambda *args: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_the_example_server_knows_machines_by_serial_then_by_mac(tmp_path: Path, served: Path) -> None:
    with by_post(served) as place:
        for which, name in (
            (this(), "rack1-a"),
            (this("", "52:54:00:00:00:02"), "rack1-b"),
            (this("VMware-56 4d 0a", "52:54:00:00:00:01"), "rack1-c"),
        ):
            got = found(tmp_path, f"xeninstall.post=http://{place}/", which)
            assert got is not None and load(got.path).host.name == name
        stranger = this("../../../tmp/x", "52:54:00:00:00:09")
        with pytest.raises(HttpError, match="404"):
            found(tmp_path, f"xeninstall.post=http://{place}/", stranger)
        assert Machine.from_json((served / "unknown/-.-..-..-tmp-x.json").read_bytes()) == stranger


@pytest.mark.parametrize(
    ("length", "body", "status"), [("x", b"", 400), ("9999999", b"", 400), ("2", b"{}", 400), ("4", b"\xff\xfe\0\0", 400)]
)
def test_the_example_server_refuses_what_is_no_profile(served: Path, length: str, body: bytes, status: int) -> None:
    with by_post(served) as place:
        connection = http.client.HTTPConnection(place, timeout=10)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", length)
        connection.endheaders(body)
        assert connection.getresponse().status == status
        connection.close()
    assert not (served / "unknown").exists()


def test_the_example_server_runs_as_its_first_lines_say(served: Path) -> None:
    argv = [sys.executable, "-m", "xeninstall.examples.fleet.answer_server", str(served), "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().split()[-1])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", "/", this().to_json())
            reply = connection.getresponse()
            assert reply.status == 200 and b"rack1-a" in reply.read()
            connection.request("POST", "/", json.dumps({}))
            assert connection.getresponse().status == 400
        finally:
            server.terminate()
