"""Answers as hypothesis makes them up: any value here breaks no rule and looks as `load` leaves it."""

import ipaddress
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from xeninstall.answers.model import (
    Answers,
    Bond,
    BondMode,
    Console,
    DiskMatch,
    DiskSelector,
    Dns,
    DnsMode,
    ExtraDisk,
    Firewall,
    Hardware,
    Hooks,
    Host,
    Ipv4,
    Ipv4Method,
    Ipv6,
    Ipv6Method,
    Keyboard,
    Network,
    NtpMode,
    Packages,
    PackageSet,
    PackSource,
    Pick,
    Root,
    SerialPort,
    Storage,
    StorageType,
    SystemDisk,
    Time,
    Xen,
)

HASH = "$6$saltsalt$" + "0123456789abcdef" * 5
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampl0"

words = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=30)
labels = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=3).map(".".join)
sizes = st.one_of(st.integers(0, 2**45), st.integers(1, 4096).map(lambda gib: gib * 2**30))
hosts4 = st.integers(10, 200).map(lambda last: f"192.0.2.{last}")
servers = st.lists(hosts4, min_size=1, max_size=4)
comments = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20)
script_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80)
scripts = st.one_of(st.none(), script_text.map(lambda body: "#!/bin/sh\n" + body))
offsets = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.builds(datetime.fromtimestamp, st.integers(0, 2**31), offsets)


@st.composite
def matches(draw: st.DrawFn) -> DiskMatch:
    """A match rule."""
    low, high = sorted((draw(sizes), draw(sizes)))
    return DiskMatch(
        model=draw(st.none() | words),
        bus=draw(st.none() | st.just("nvme")),
        min_size=draw(st.none() | st.just(low)),
        max_size=draw(st.none() | st.just(high)),
        pick=draw(st.sampled_from(Pick)),
    )


@st.composite
def selectors(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """The keys that name one disk; the number keeps them apart."""
    kind = draw(st.sampled_from(["serial", "wwn", "path", "match"]))
    value = {
        "serial": draw(words) + f"-{number}",
        "wwn": f"0x5000{number}",
        "path": f"/dev/disk/by-id/{number}",
        "match": draw(matches()) if kind == "match" else None,
    }[kind]
    return {kind: value}


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any way to be reached."""
    four, six = draw(
        st.sampled_from([(four, six) for four in Ipv4Method for six in Ipv6Method if (four.value, six.value) != ("none", "none")])
    )
    static4 = {"address": f"{draw(hosts4)}/24", "gateway": draw(st.sampled_from([None, "192.0.2.1"]))}
    address6 = ipaddress.IPv6Address("2001:db8::") + draw(st.integers(16, 2**63))
    static6 = {"address": f"{address6}/64", "gateway": draw(st.sampled_from([None, "fe80::1", "2001:db8::1"]))}
    bond = draw(st.none() | st.builds(Bond, mode=st.sampled_from(BondMode), members=st.just(("eno1", "52:54:00:00:00:01"))))
    return Network(
        nic="auto" if bond else draw(st.sampled_from(["auto", "eno1", "52:54:00:12:34:56"])),
        bond=bond,
        vlan=draw(st.none() | st.integers(1, 4094)),
        mtu=draw(st.none() | st.integers(1280, 9216)),
        ipv4=Ipv4(method=four, **(static4 if four is Ipv4Method.STATIC else {})),
        ipv6=Ipv6(method=six, **(static6 if six is Ipv6Method.STATIC else {})),
    )


@st.composite
def packs(draw: st.DrawFn) -> tuple[PackSource, ...]:
    """Packs, as `load` leaves them: with absolute paths."""
    sources = draw(st.lists(st.sampled_from(["/a.tar", "/dev/sdb1:packs/x", "https://example.org/p?x=1", "/dir"]), unique=True))
    return tuple(
        PackSource(
            source=source,
            sha256=draw(st.sampled_from([None, "0" * 64])),
            key=draw(st.sampled_from([None, KEY])),
            allow_unsigned=draw(st.booleans()),
        )
        for source in sources
    )


@st.composite
def answers(draw: st.DrawFn) -> Answers:
    """A whole answer file."""
    network = draw(networks())
    told = network.ipv4.method is Ipv4Method.DHCP or network.ipv6.method is Ipv6Method.AUTO
    mode = draw(st.sampled_from(DnsMode if told else [DnsMode.SERVERS, DnsMode.SERVE]))
    elsewhere = tuple(f"198.51.100.{number}" for number in draw(st.sets(st.integers(1, 9), min_size=1, max_size=4)))
    ntp = draw(st.sampled_from(NtpMode))
    storage = draw(st.sampled_from(StorageType))
    extras = draw(st.integers(0, 3)) if storage is StorageType.THIN else 0
    keys = tuple(f"{KEY} {comment}" for comment in draw(st.lists(comments, max_size=2)))
    return Answers(
        keyboard=Keyboard(layout=draw(st.sampled_from(["us", "de", "gb"])), variant=draw(st.sampled_from(["", "nodeadkeys"]))),
        hardware=Hardware(require_virtualization=draw(st.booleans()), accept_secure_boot=draw(st.booleans())),
        disk=SystemDisk(
            **draw(st.just({}) | selectors(number=0)),
            mirror=draw(st.none() | selectors(number=1).map(lambda keys: DiskSelector(**keys))),
            erase=draw(st.booleans()),
            system_size=draw(st.none() | st.integers(8 * 2**30, 2**42)),
        ),
        storage=Storage(
            type=storage,
            extra_disks=tuple(ExtraDisk(**draw(selectors(number=2 + index)), erase=True) for index in range(extras)),
        ),
        packages=Packages(sets=tuple(draw(st.lists(st.sampled_from(PackageSet), unique=True, max_size=5)))),
        packs=draw(packs()),
        root=Root(password_hash=draw(st.sampled_from([None, "!", HASH]) if keys else st.just(HASH)), ssh_keys=keys),
        network=network,
        host=Host(name=draw(labels), domain=draw(st.none() | domains)),
        dns=Dns(
            mode=mode,
            servers=elsewhere if mode is DnsMode.SERVERS else (),
            forwarders=elsewhere if mode is DnsMode.SERVE else (),
            search=tuple(draw(st.lists(domains, max_size=3))),
        ),
        time=Time(
            zone=draw(st.sampled_from(["Etc/UTC", "Europe/Berlin"])),
            ntp=ntp,
            servers=tuple(draw(servers)) if ntp is NtpMode.SERVERS else (),
            clock=draw(st.none() | moments) if ntp is NtpMode.NONE else None,
        ),
        console=Console(serial=draw(st.sampled_from(SerialPort)), speed=draw(st.sampled_from([9600, 115200]))),
        xen=Xen(
            dom0_memory=draw(st.just("auto") | st.integers(2**29, 2**40)), dom0_vcpus=draw(st.just("auto") | st.integers(1, 512))
        ),
        firewall=Firewall(open=tuple(draw(st.lists(st.integers(1, 65535).map("tcp/{}".format), unique=True, max_size=3)))),
        hooks=Hooks(
            before_disk=draw(scripts),
            installed=draw(scripts),
            first_boot=draw(scripts),
            webhook=draw(st.sampled_from([None, "https://example.org/token?x=1"])),
        ),
    )
