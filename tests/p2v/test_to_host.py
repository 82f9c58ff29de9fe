"""A conversion to a xeninstall host by the answers: looked at, sent through a real sshd to `p2v receive`, gone on with."""

import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2v import sending, to_host
from p2v.conversion import Conversion
from p2v.preflight import Severity
from p2v.sink.model import TargetError
from p2v.to_host import HostConversion, conversion_to
from tests.p2v.disks import MIB, sha
from tests.p2v.guest.real_disks import OLD_RELEASE, cat, ext4, gpt, piece, tree
from tests.p2v.target.certificate import Certificate
from tests.p2v.target.sshd import Sshd, receiver
from tests.p2v.target.xapi_double import Pool
from tests.p2v.test_conversion import Told
from tests.p2v.vm.machines import recorded
from xeninstall.answers.model import Convert
from xeninstall.base.errors import Stopped, UsageError
from xeninstall.base.run import SystemRunner

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Sshd]:
    started = Sshd(tmp_path / "host/ssh", receiver(tmp_path / "host"))
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(to_host, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(sending, "WAITS_SECONDS", (0.2,) * 5)
    return tmp_path / "scratch"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    described = OLD_RELEASE + "=== /bin/sh\n%elf\n=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n"
    described += "=== /etc/adjtime\n0 0 0\n0\nLOCAL\n"
    root = tree(tmp_path / "t", described)
    (root / "big").write_bytes(bytes(range(256)) * (6 * MIB // 256))
    ext4(tmp_path / "root", root, 24)
    gpt(tmp_path / "old.img", [("L", tmp_path / "root")])
    return tmp_path / "old.img"


def wanted(host: Sshd, old: Path, **more: Any) -> Convert:
    login = {"host_key": host.fingerprint, "identity": str(host.key)}
    values = {"name": "old", "target": host.to, "source": ({"path": str(old)},), "vcpus": 3, "memory": "1G"}
    return Convert.model_validate(values | login | more)


def test_it_is_looked_at_sent_and_defined(host: Sshd, old: Path, tmp_path: Path, scratch: Path) -> None:
    before, told = sha(old), Told()
    job = conversion_to(wanted(host, old), recorded("nvme"), SystemRunner())
    assert isinstance(job, HostConversion)
    peer, storages = job.look()
    assert peer.identity == host.fingerprint and storages
    found = job.preflight()
    assert not found.refused, found.as_text()
    assert f"its key is {host.fingerprint}" in found.as_text() and "which is enough" in found.as_text()
    assert [pace.of for pace in found.paces] == ["the disks, measured", "the network to 127.0.0.1, measured"]
    assert found.seconds and found.downtime_seconds and found.downtime_seconds > found.seconds
    unchecked = conversion_to(wanted(host, old, verify=False), recorded("nvme"), SystemRunner()).preflight()
    assert unchecked.downtime_seconds == unchecked.seconds
    facts = job.perform(told, threading.Event())
    assert sha(old) == before and not list(scratch.iterdir())
    assert told.stages == [(name, number, 6) for number, name in enumerate(job.stages(), 1)]
    image = tmp_path / "host/images/old-disk0.img"
    assert "UUID=" in cat(piece(image, MIB, 24, tmp_path / "n"), "/etc/fstab")
    assert "vcpus = 3\nmemory = 1024" in (tmp_path / "host/configs/old.cfg").read_text()
    assert (
        facts["images"] == str(image) and "xl create" in facts["start it"] and facts["virtual machine"] == "old: 3 vCPUs, 1 GiB"
    )


def test_one_that_was_stopped_goes_on_with_the_same_repairs(host: Sshd, old: Path, tmp_path: Path, scratch: Path) -> None:
    stop = threading.Event()
    with pytest.raises(Stopped):
        conversion_to(wanted(host, old, limit="2M"), recorded("nvme"), SystemRunner()).perform(Told(stop, "copy"), stop)
    assert sorted(path.suffix for path in scratch.iterdir()) == [".begun", ".overlay", ".traits"]
    made = next(scratch.glob("*.overlay")).stat().st_ino
    told = Told()
    conversion_to(wanted(host, old), recorded("nvme"), SystemRunner()).perform(told, threading.Event())
    assert (tmp_path / "host/images/old-disk0.img").exists() and made and not list(scratch.iterdir())
    # Nobody looked at the system again, whose clock runs on local time.
    assert "localtime = 1" in (tmp_path / "host/configs/old.cfg").read_text()


def test_a_run_that_goes_on_defines_the_machine_as_an_unbroken_one_does(
    host: Sshd, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The medium was started by UEFI, the system by BIOS, with its clock on local time: only the repairs know that."""
    machine, same, stop = recorded("uefi-plain"), uuid.uuid4(), threading.Event()
    monkeypatch.setattr(uuid, "uuid4", lambda: same)
    conversion_to(wanted(host, old), machine, SystemRunner()).perform(Told(), threading.Event())
    config, image = tmp_path / "host/configs/old.cfg", tmp_path / "host/images/old-disk0.img"
    whole = config.read_bytes()
    assert b"localtime = 1" in whole and b"ovmf" not in whole
    config.unlink()
    image.unlink()
    with pytest.raises(Stopped):
        conversion_to(wanted(host, old, limit="2M"), machine, SystemRunner()).perform(Told(stop, "copy"), stop)
    conversion_to(wanted(host, old), machine, SystemRunner()).perform(Told(), threading.Event())
    assert config.read_bytes() == whole


def test_a_try_that_finds_the_host_away_loses_nothing_of_the_one_before(
    host: Sshd, old: Path, tmp_path: Path, scratch: Path
) -> None:
    def perform(stop: threading.Event, **more: Any) -> None:
        conversion_to(wanted(host, old, **more), recorded("nvme"), SystemRunner()).perform(Told(stop, "copy"), stop)

    with pytest.raises(Stopped):
        perform(threading.Event(), limit="2M")
    kept = {path.name: path.stat().st_ino for path in scratch.iterdir()}
    host.stop()
    with pytest.raises(Stopped, match="no connection to"):
        perform(threading.Event())
    assert {path.name: path.stat().st_ino for path in scratch.iterdir()} == kept
    host.start()
    conversion_to(wanted(host, old), recorded("nvme"), SystemRunner()).perform(Told(), threading.Event())
    assert (tmp_path / "host/configs/old.cfg").exists() and not list(scratch.iterdir())


def test_what_lost_its_repairs_is_sent_anew_even_when_the_host_was_away(
    host: Sshd, old: Path, tmp_path: Path, scratch: Path
) -> None:
    stop = threading.Event()
    with pytest.raises(Stopped):
        conversion_to(wanted(host, old, limit="2M"), recorded("nvme"), SystemRunner()).perform(Told(stop, "copy"), stop)
    next(scratch.glob("*.overlay")).unlink()
    host.stop()
    with pytest.raises(TargetError, match="no connection to"):
        conversion_to(wanted(host, old), recorded("nvme"), SystemRunner()).perform(Told(), threading.Event())
    host.start()
    conversion_to(wanted(host, old), recorded("nvme"), SystemRunner()).perform(Told(), threading.Event())
    assert (tmp_path / "host/configs/old.cfg").exists() and not list(scratch.iterdir())


def test_what_a_restart_of_the_medium_made_useless_is_dropped_when_that_is_wanted(
    host: Sshd, old: Path, tmp_path: Path, scratch: Path
) -> None:
    def perform(stop: threading.Event, **more: Any) -> None:
        conversion_to(wanted(host, old, **more), recorded("nvme"), SystemRunner()).perform(Told(stop, "copy"), stop)

    with pytest.raises(Stopped) as stopped:
        perform(threading.Event(), limit="2M")
    assert "begin again: it goes on from there" in stopped.value.hint and "--" not in stopped.value.hint
    shutil.rmtree(scratch)  # it lay in the medium's memory
    with pytest.raises(TargetError, match="an earlier conversion of old stopped halfway here") as refused:
        conversion_to(wanted(host, old), recorded("nvme"), SystemRunner()).perform(Told(), threading.Event())
    assert refused.value.hint == "drop it with convert.discard, or choose another name"
    # What it left itself is not gone on with either, then.
    with pytest.raises(Stopped):
        perform(threading.Event(), limit="2M", discard=True)
    conversion_to(wanted(host, old, discard=True), recorded("nvme"), SystemRunner()).perform(Told(), threading.Event())
    assert (tmp_path / "host/configs/old.cfg").exists() and not list(scratch.iterdir())


def test_what_cannot_be_gone_on_with_is_known_before_it_is_stopped(old: Path) -> None:
    def resumable(target: str) -> bool:
        answers = Convert.model_validate({"name": "old", "target": target, "source": ({"path": str(old)},)})
        return conversion_to(answers, recorded("nvme"), SystemRunner()).resumable

    assert resumable("ssh://host") and resumable("/mnt")
    assert not any(map(resumable, ("libvirt+ssh://host", "nbd://host/x", "http://host/x")))


def test_what_stands_against_it_is_told_before_anything_is_sent(host: Sshd, old: Path, tmp_path: Path) -> None:
    found = conversion_to(wanted(host, old, target=f"{host.to}/nowhere"), recorded("nvme"), SystemRunner()).preflight()
    (refused,) = [one for one in found.findings if one.severity is Severity.REFUSED]
    assert "it has no storage 'nowhere'" in refused.text and "name one behind the host: " in refused.remedy
    wrong = wanted(host, old, host_key="SHA256:" + "A" * 43)
    found = conversion_to(wrong, recorded("nvme"), SystemRunner()).preflight()
    assert any("shows another key than the one that was pinned" in one.text for one in found.findings) and found.refused
    host.stop()
    found = conversion_to(wanted(host, old), recorded("nvme"), SystemRunner()).preflight()
    host.start()
    assert any(one.severity is Severity.REFUSED and one.subject.startswith("ssh://127.0.0.1") for one in found.findings)
    with pytest.raises(UsageError, match="is no kind of target"):
        conversion_to(wanted(host, old, target="ftp://x/y"), recorded("nvme"), SystemRunner())
    assert type(conversion_to(wanted(host, old, target="/mnt"), recorded("nvme"), SystemRunner())) is Conversion


def test_a_password_comes_out_of_a_file_and_is_in_no_message(host: Sshd, old: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("geheim-geheim\n")
    job = conversion_to(wanted(host, old, password_file=str(secret), host_key=None), recorded("nvme"), SystemRunner())
    found = job.preflight()
    assert any("a password must not go to a stranger" in one.text for one in found.findings)
    assert "geheim" not in found.as_text() and "geheim" not in repr(vars(job))
    with pytest.raises(UsageError, match="cannot be read"):
        conversion_to(wanted(host, old, password_file=str(tmp_path / "none")), recorded("nvme"), SystemRunner())


def test_xcp_ng_is_logged_in_to_with_a_password_and_gets_the_machine(old: Path, tmp_path: Path) -> None:
    certificate, secret = Certificate(tmp_path / "pool", "xcp1"), tmp_path / "secret"
    pool = Pool(certificate)
    secret.write_text("correct horse\n")
    values = {"name": "old", "target": pool.to, "source": ({"path": str(old)},), "vcpus": 3, "start": True}
    login = {"host_key": certificate.fingerprint, "password_file": str(secret)}
    try:
        job = conversion_to(Convert.model_validate(values | login), recorded("nvme"), SystemRunner())
        assert not job.preflight().refused
        facts = job.perform(Told(), threading.Event())
    finally:
        pool.close()
    ((vm,), (vdi,)) = pool.vms.values(), pool.vdis.values()
    assert (vm["name_label"], vm["power_state"], vm["VCPUs_max"]) == ("old", "Running", "3")
    assert len(vdi["data"]) >= old.stat().st_size and facts["start it"].startswith("it runs on ") and pool.breaches == []
