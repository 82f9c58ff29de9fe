"""The state of a running host, from what its kernel and its tools say; nothing is guessed where they say nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.given import Recorder
from tests.host.given import running, says
from xeninstall.base.run import Completed, MissingTool
from xeninstall.host.state import Guest, Store, cpu_percent, look
from xeninstall.machine.look import Look


def test_a_host_with_guests(tmp_path: Path) -> None:
    running(tmp_path)
    found = look(Look(Recorder(says), tmp_path))
    assert found.name == "xenhost" and found.addresses == ("192.0.2.10/24", "2001:db8::10/64")
    assert (found.xen, found.kernel, found.debian) == ("4.20.2", "6.12.57+deb13-amd64", "13.2")
    assert (found.cpus, found.memory_mib, found.free_mib) == (16, 65536, 40960)
    assert (found.dom0_mib, found.dom0_used_mib, found.load) == (4008, 1024, (0.42, 0.30, 0.11))
    assert found.guests == (Guest("mail MARKER-guest", 2048, 2, "b"), Guest("web", 8192, 4, "r"))
    assert found.stores == (Store("xenhost/vms", 107374182400, 26843545600),)
    assert found.failed == ("smartmontools.service",) and not found.notes
    assert found.busy_seconds == pytest.approx(31.0 + 7.7 + 1207.9) and found.cpu_percent is None


def test_how_busy_the_processors_are_is_seen_by_two_looks(tmp_path: Path) -> None:
    running(tmp_path)
    one = look(Look(Recorder(says), tmp_path))
    assert one.uptime_seconds is not None and one.busy_seconds is not None
    two = replace(one, uptime_seconds=one.uptime_seconds + 30, busy_seconds=one.busy_seconds + 120)
    assert cpu_percent(one, two) == 25, "four of sixteen threads"
    assert cpu_percent(one, replace(two, busy_seconds=one.busy_seconds + 9000)) == 100
    assert cpu_percent(one, replace(two, busy_seconds=one.busy_seconds - 1)) is None, "a guest has ended"
    assert cpu_percent(one, replace(two, busy_seconds=None)) is None and cpu_percent(one, one) is None


def test_without_xen_and_without_tools(tmp_path: Path) -> None:
    def missing(argv: tuple[str, ...]) -> Completed | BaseException:
        return MissingTool(argv[0])

    found = look(Look(Recorder(missing), tmp_path))
    assert found.guests is None and found.xen == "" and found.memory_mib is None and found.stores == ()
    assert any(note.startswith("failed services not seen: ") for note in found.notes)


def test_what_tools_say_may_be_anything(tmp_path: Path) -> None:
    running(tmp_path)

    def garbage(argv: tuple[str, ...]) -> Completed:
        return Completed(argv, 0, '[{"ifname": 3}, 7]\n\x1b[2J x y\n', "")

    found = look(Look(Recorder(garbage), tmp_path))
    assert found.addresses == () and found.guests == () and "\x1b" not in repr(found)
