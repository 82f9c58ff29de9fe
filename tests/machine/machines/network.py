"""Recorded machines that differ in their network cards."""

from ..computer import Computer, disk
from .common import XEON, sata, server


def no_nic(computer: Computer) -> None:
    server(computer)
    (computer.root / "sys/class/net/eno1").unlink()
    computer.command(["ip", "-j", "-4", "route"], "[]")
    computer.lsblk(sata("sda", "S45NNA0M500701", "0x5002538e40500701"))


def ten_nics(computer: Computer) -> None:
    computer.cpu(*XEON, "vmx ept", sockets=2, cores=24, threads=48)
    computer.memory(256)
    computer.dmi("HPE", "ProLiant DL380 Gen10", "CZ29430ABC", "U30")
    computer.uefi(secure_boot=False)
    computer.acpi("DMAR")
    computer.kernel(console="console=tty0 console=ttyS0,115200n8")
    computer.pci("0000:5c:00.0", "9005:028f", "010700", "smartpqi")
    for port in range(4):
        computer.nic(
            f"eno{port + 1}",
            f"20:67:7c:e0:00:{port:02x}",
            f"0000:02:00.{port}",
            "14e4:1657",
            "tg3",
            model="Broadcom Inc. and subsidiaries|NetXtreme BCM5719 Gigabit Ethernet PCIe",
            link=None,
        )
    for port in range(2):
        computer.nic(
            f"ens1f{port}np{port}",
            f"b8:83:03:9f:10:{port:02x}",
            f"0000:37:00.{port}",
            "15b3:1015",
            "mlx5_core",
            model="Mellanox Technologies|MT27710 Family [ConnectX-4 Lx]",
            speed=25000,
            cidrs=("192.0.2.10/24",) if port == 0 else (),
            default=port == 0,
        )
    for port in range(4):
        computer.nic(
            f"ens2f{port}",
            f"3c:fd:fe:aa:00:{port:02x}",
            f"0000:86:00.{port}",
            "8086:1572",
            "i40e",
            model="Intel Corporation|Ethernet Controller X710 for 10GbE SFP+",
            link=False,
        )
    computer.live()
    for number in range(2):
        computer.lsblk(
            disk(
                f"sd{'ab'[number]}",
                447.1,
                model="MK000480GWXFF",
                serial=f"S4KXNA0R90010{number}",
                wwn=f"0x5002538e0990010{number}",
                tran="sas",
                rota=False,
            )
        )
