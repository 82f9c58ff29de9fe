"""A conversion to the stand-in of `xapi_double`, and what is there afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2v import sending
from p2v.cli import main
from p2v.target import xapi_delivery
from tests.p2v.target.certificate import Certificate
from tests.p2v.target.xapi_double import Pool

MACHINE = Path(__file__).parents[2] / "data" / "machines" / "bios-two-disks.json"


def served(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """A pool; at its end, nothing was said to it that it does not know."""
    monkeypatch.setattr(sending, "WAITS_SECONDS", (0.1,) * 8)
    monkeypatch.setattr(xapi_delivery, "AGAIN_SECONDS", (0.01,) * 3)
    monkeypatch.setenv("XAPI_PASSWORD", "correct horse")
    made = Pool(certificate)
    yield made
    made.close()
    assert made.breaches == []


def send(pool: Pool, certificate: Certificate, disk: Path, *more: str) -> int:
    trusted = ["--fingerprint", certificate.fingerprint]
    return main(["convert", str(disk), "--to", pool.to, "--password", "env:XAPI_PASSWORD", *trusted, "--name", "old", *more])


def nothing_left(pool: Pool) -> bool:
    return not (pool.vdis or pool.vms or pool.vbds or pool.vifs or pool.tasks)


def whole(pool: Pool, disk: Path) -> bool:
    """Whether the machine is there once, with its disk and its cards, without a mark, and nothing else."""
    (vdi,), (vm,) = pool.vdis.values(), pool.vms.values()
    assert bytes(vdi["data"][: disk.stat().st_size]) == disk.read_bytes()
    assert (len(pool.vbds), len(pool.vifs)) == (1, len(json.loads(MACHINE.read_text())["nics"]))
    return not vdi["other_config"] and "p2v" not in vm["other_config"] and not pool.tasks
