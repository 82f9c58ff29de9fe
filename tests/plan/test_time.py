"""Zone, chrony, and the way of a lease's time servers to it."""

import os
import subprocess
from pathlib import Path

from tests.given import actions, files, image_plan, links, plan_for
from xeninstall.plan.model import Remove, SetClock

_CONF = "/etc/chrony/chrony.conf"
_SCRIPT = "/usr/local/lib/xeninstall/ntp-from-dhcp"
_WANTS = "/etc/systemd/system/multi-user.target.wants/"


def test_the_zone_is_a_link_and_a_name() -> None:
    plan = plan_for("uefi-plain", '[time]\nzone = "Europe/Berlin"')
    assert links(plan)["/etc/localtime"] == "/usr/share/zoneinfo/Europe/Berlin"
    assert files(plan)["/etc/timezone"] == "Europe/Berlin\n"


def test_given_servers_are_the_only_sources() -> None:
    plan = plan_for("uefi-plain", '[time]\nntp = "servers"\nservers = ["ntp.example.org", "2001:db8::123"]')
    sources = [line for line in files(plan)[_CONF].splitlines() if line.startswith(("server ", "pool ", "sourcedir "))]
    assert sources == ["server ntp.example.org iburst", "server 2001:db8::123 iburst"]
    assert _SCRIPT not in files(plan)
    assert links(plan)[_WANTS + "chrony.service"] == "/usr/lib/systemd/system/chrony.service"


def test_dhcp_servers_come_beside_debians_pool() -> None:
    plan = plan_for("uefi-plain")
    conf = files(plan)[_CONF].splitlines()
    assert "sourcedir /run/chrony-dhcp" in conf and "pool 2.debian.pool.ntp.org iburst" in conf
    assert {"rtcsync", "makestep 1 3"} <= set(conf)


def test_the_leases_are_read_at_boot_and_whenever_they_change() -> None:
    plan = plan_for("uefi-plain")
    for name in ("xeninstall-ntp.path", "xeninstall-ntp.service"):
        assert links(plan)[_WANTS + name] == f"/etc/systemd/system/{name}"
    watched = files(plan)["/etc/systemd/system/xeninstall-ntp.path"]
    assert "PathChanged=/run/systemd/netif/leases\n" in watched and "PathChanged=/run/systemd/netif/links\n" in watched
    service = files(plan)["/etc/systemd/system/xeninstall-ntp.service"]
    assert "StartLimitIntervalSec=0" in service, "a link that flaps must not end the watching"
    assert "RemainAfterExit" not in service, "or it would run once only"


def test_a_leases_servers_reach_chrony_and_nothing_else_of_it_does(tmp_path: Path) -> None:
    leases, out = tmp_path / "netif", tmp_path / "chrony"
    (leases / "leases").mkdir(parents=True)
    (leases / "links").mkdir()
    (leases / "leases/2").write_text("ADDRESS=192.0.2.10\nNTP=192.0.2.1 192.0.2.2\nHOSTNAME=x\n")
    (leases / "links/2").write_text("NTP=192.0.2.1 2001:db8::123 time.example.org $(reboot) a;b fe80::1%2\nDNS=192.0.2.53\n")
    (tmp_path / "chronyc").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/told\n')
    (tmp_path / "chronyc").chmod(0o755)
    script = files(plan_for("uefi-plain"))[_SCRIPT]
    script = script.replace("/run/systemd/netif", str(leases)).replace("/run/chrony-dhcp", str(out))
    subprocess.run(["sh", "-c", script], check=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert sorted((out / "networkd.sources").read_text().splitlines()) == [
        "server 192.0.2.1 iburst",
        "server 192.0.2.2 iburst",
        "server 2001:db8::123 iburst",
        "server time.example.org iburst",
    ]
    assert (tmp_path / "told").read_text() == "reload sources\n"


def test_without_any_lease_the_list_is_empty(tmp_path: Path) -> None:
    script = files(plan_for("uefi-plain"))[_SCRIPT].replace("/run/", f"{tmp_path}/")
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)
    assert (tmp_path / "chrony-dhcp/networkd.sources").read_text() == ""


def test_no_time_service_sets_the_clock_by_hand_on_a_machine_and_never_for_an_image() -> None:
    toml = '[time]\nntp = "none"\nclock = 2026-11-23T20:15:00+01:00'
    plan = plan_for("uefi-plain", toml)
    assert [act.moment for act in actions(plan) if isinstance(act, SetClock)] == ["2026-11-23T20:15:00+01:00"]
    assert _CONF not in files(plan)
    assert _WANTS + "chrony.service" in {act.path for act in actions(plan) if isinstance(act, Remove)}
    assert not [act for act in actions(image_plan(toml)) if isinstance(act, SetClock)]
