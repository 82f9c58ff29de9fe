"""What stands between this machine and a server, lowest first."""

import json
from pathlib import Path

import pytest

from tests.given import Recorder
from xeninstall.base.errors import Error
from xeninstall.base.http import HttpError, Trouble
from xeninstall.base.run import Completed
from xeninstall.medium.obstacle import obstacle


def _network(tmp_path: Path, **carriers: str) -> Path:
    for name, carrier in carriers.items():
        (tmp_path / name / "device").mkdir(parents=True)
        (tmp_path / name / "carrier").write_text(carrier)
    (tmp_path / "lo").mkdir(exist_ok=True)
    return tmp_path


def _runner(listed: object) -> Recorder:
    return Recorder(lambda argv: Completed(argv, 0, json.dumps(listed), ""))


_ADDRESS = [{"ifname": "eth0", "addr_info": [{"local": "192.0.2.1"}]}]


@pytest.mark.parametrize(
    ("carriers", "listed", "trouble", "says"),
    [
        ({"eth0": "0\n", "eth1": "0\n"}, _ADDRESS, Trouble.NAME, "a link on eth0, eth1"),
        ({"eth0": "1\n"}, [], Trouble.CONNECT, "an address"),
        ({"eth0": "1\n"}, [{}], Trouble.TIMEOUT, "an address"),
        ({"eth0": "1\n"}, _ADDRESS, Trouble.NAME, "the name"),
        ({"eth0": "0\n", "eth1": "1\n"}, _ADDRESS, Trouble.CONNECT, "the server"),
        ({"eth0": "0\n"}, [], Trouble.STATUS, "the server"),
        ({"eth0": "1\n"}, _ADDRESS, Trouble.CLOCK, "the clock"),
    ],
)
def test_the_lowest_thing_that_is_missing_is_named(
    carriers: dict[str, str], listed: object, trouble: Trouble, says: str, tmp_path: Path
) -> None:
    name = obstacle(_runner(listed), _network(tmp_path, **carriers))
    assert name(HttpError(trouble, "", hint="")) == says


def test_where_nothing_can_be_seen_the_server_is_named(tmp_path: Path) -> None:
    failing = Recorder(lambda argv: Error("no ip here"))
    assert obstacle(failing, tmp_path / "none")(HttpError(Trouble.CONNECT, "", hint="")) == "the server"
