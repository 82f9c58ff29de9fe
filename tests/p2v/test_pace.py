"""How fast each part of the way is: measured where it can be, asked where it cannot."""

import socket
from pathlib import Path
from types import SimpleNamespace as Card

import psutil
import pytest

from p2v.pace import of_folder, of_link


def test_a_folder_is_written_to_and_nothing_stays(tmp_path: Path) -> None:
    found = of_folder(tmp_path)
    assert found is not None and found.bytes_per_second > 0 and found.title.startswith(f"{tmp_path}, measured: ")
    assert not list(tmp_path.iterdir())
    assert of_folder(tmp_path / "none") is None


def test_a_card_says_how_fast_its_link_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        psutil, "net_if_addrs", lambda: {"nic0": [Card(address="192.0.2.1")], "nic1": [Card(address="127.0.0.1")]}
    )
    speeds = {"nic0": Card(speed=10), "nic1": Card(speed=1000)}
    monkeypatch.setattr(psutil, "net_if_stats", lambda: speeds)
    found = of_link("127.0.0.1")
    assert found is not None and found.title == "the link of nic1, 1000 Mbit/s: 112.1 MiB a second"
    speeds["nic1"] = Card(speed=0)
    assert of_link("127.0.0.1") is None
    monkeypatch.setattr(socket, "getaddrinfo", _nobody)
    assert of_link("nowhere.example") is None


def _nobody(*_: object, **__: object) -> None:
    raise socket.gaierror("unknown")
