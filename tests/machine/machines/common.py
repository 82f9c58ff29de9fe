"""What most recorded machines have in common."""

import json

from ..computer import Computer, Node, disk

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
MSR = "e3c9e316-0b5c-4db8-817d-f92df00215ae"
BASIC = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
RECOVERY = "de94bba4-06d1-4d40-a16a-bfd50179d6ac"
DEBIAN_12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nID=debian\n'
XEON = ("Intel(R) Xeon(R) Silver 4214 CPU @ 2.20GHz", "GenuineIntel")
EPYC = ("AMD EPYC 7302P 16-Core Processor", "AuthenticAMD")


def server(computer: Computer, *, live: bool = True) -> None:
    """What most machines here have in common: a Dell server with working VT-x, one linked port, booted from the stick."""
    computer.cpu(*XEON, "vmx ept vpid", sockets=1, cores=12, threads=24)
    computer.memory(64)
    computer.dmi("Dell Inc.", "PowerEdge R640", "7GK2X43", "2.19.1")
    computer.acpi("DMAR")
    computer.kernel(console="console=tty0 console=ttyS0,115200n8")
    computer.pci("0000:00:11.5", "8086:a1d2", "010601", "ahci")
    computer.nic(
        "eno1",
        "e4:43:4b:5c:1a:20",
        "0000:18:00.0",
        "14e4:165f",
        "tg3",
        model="Broadcom Inc. and subsidiaries|NetXtreme BCM5720",
        cidrs=("192.0.2.57/24", "fe80::e643:4bff:fe5c:1a20/64"),
        default=True,
    )
    if live:
        computer.live()


def sata(name: str, serial: str, wwn: str, **more: object) -> Node:
    return disk(name, 894.3, model="MZ7LH960HAJR0D3", serial=serial, wwn=wwn, tran="sata", rota=False, **more)


def groups(computer: Computer, *physical: tuple[str, str, str], volumes: tuple[str, ...]) -> None:
    rows = [{"pv_name": node, "vg_name": name, "vg_uuid": uuid} for node, name, uuid in physical]
    computer.command(["pvs"], json.dumps({"report": [{"pv": rows}]}))
    logical = [{"vg_name": physical[0][1], "lv_name": volume} for volume in volumes]
    computer.command(["lvs"], json.dumps({"report": [{"lv": logical}]}))
