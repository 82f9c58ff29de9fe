"""Recorded machines that differ in their disks."""

from ..computer import Computer, disk, part
from .common import EPYC, sata, server


def bios_two_disks(computer: Computer) -> None:
    server(computer)
    computer.lsblk(sata("sda", "S45NNA0M500201", "0x5002538e40500201"), sata("sdb", "S45NNA0M500202", "0x5002538e40500202"))


def vmd_no_disks(computer: Computer) -> None:
    computer.cpu("11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz", "GenuineIntel", "vmx ept", cores=4, threads=8)
    computer.memory(32)
    computer.dmi("HP", "HP EliteBook 840 G8 Notebook PC", "5CD1234XYZ", "T77 Ver. 01.08.00")
    computer.uefi(secure_boot=False)
    computer.acpi("DMAR")
    computer.kernel()
    computer.pci("0000:00:0e.0", "8086:9a0b", "010400")
    ahci = computer.pci("0000:00:17.0", "8086:282a", "010400", "ahci")
    computer.file(f"{ahci}/remapped_nvme", "1\n")
    computer.nic(
        "eno1",
        "d8:bb:c1:0a:1b:2c",
        "0000:00:1f.6",
        "8086:15fb",
        "e1000e",
        model="Intel Corporation|Ethernet Connection (13) I219-LM",
        cidrs=("192.0.2.33/24",),
        default=True,
    )
    # Loaded into RAM (toram): the stick is unplugged, and there is no disk at all.
    computer.mount(
        "0:30", "/", "overlay", "overlay", "rw,lowerdir=/run/live/rootfs/filesystem.squashfs/,upperdir=/run/live/overlay/rw"
    )


def old_md(computer: Computer) -> None:
    server(computer)
    nodes = []
    for letter, number in (("a", 1), ("b", 2)):
        name, uuid = f"sd{letter}", "c0ffee00-1234-5678-9abc-def012345678"
        members = [
            part(f"{name}1", 1, "linux_raid_member", label="oldhost:0", uuid=uuid, parttypename="Linux RAID"),
            part(f"{name}2", 893, "linux_raid_member", label="oldhost:1", uuid=uuid[::-1], parttypename="Linux RAID"),
        ]
        nodes.append(sata(name, f"S45NNA0M50030{number}", f"0x5002538e4050030{number}", pttype="gpt", children=members))
    computer.lsblk(*nodes)


def running_md(computer: Computer) -> None:
    server(computer)
    nodes = []
    for letter, number in (("a", 1), ("b", 2)):
        array = part(
            "md127", 893, "ext4", type="raid1", path="/dev/md127", label="data", uuid="77a1c6f3-5b0e-4ad0-8a6e-6d7f37a10001"
        )
        member = part(
            f"sd{letter}1",
            894,
            "linux_raid_member",
            label="oldhost:data",
            uuid="c0ffee00-1234-5678-9abc-def012345679",
            children=[array],
        )
        nodes.append(sata(f"sd{letter}", f"S45NNA0M50035{number}", f"0x5002538e4050035{number}", pttype="gpt", children=[member]))
    nodes.append(
        disk(
            "sdc",
            931.5,
            model="INTEL SSDSC2KB01",
            serial="BTYF1234",
            wwn="0x55cd2e4151234567",
            tran="sata",
            rota=False,
            fstype="isw_raid_member",
        )
    )
    nodes.append(sata("sdd", "S45NNA0M500359", "0x5002538e40500359"))
    computer.lsblk(*nodes)
    computer.command(["debugfs"], "")


def old_zfs(computer: Computer) -> None:
    server(computer)
    nodes = []
    for letter, number in (("a", 1), ("b", 2)):
        name = f"sd{letter}"
        parts = [
            part(f"{name}1", 893.2, "zfs_member", label="rpool", uuid="12160466377842360911", partlabel=f"zfs-{number}"),
            part(f"{name}9", 0.0078, parttypename="Solaris reserved 1"),
        ]
        nodes.append(sata(name, f"S45NNA0M50040{number}", f"0x5002538e4050040{number}", pttype="gpt", children=parts))
    computer.lsblk(*nodes)


def nvme(computer: Computer) -> None:
    computer.cpu(*EPYC, "svm npt", cores=16, threads=32)
    computer.memory(128)
    computer.dmi("Supermicro", "AS -1114S-WTRT", "A432012X1234567", "2.4")
    computer.uefi(secure_boot=False)
    computer.acpi("IVRS")
    computer.file("/sys/class/iommu/ivhd0/uevent", "")
    computer.kernel(console="console=tty0 console=ttyS1,115200n8")
    for number in range(2):
        computer.pci(f"0000:4{number + 1}:00.0", "144d:a80a", "010802", "nvme")
    computer.nic(
        "enp65s0f0np0",
        "3c:ec:ef:12:34:56",
        "0000:41:00.1",
        "14e4:16d8",
        "bnxt_en",
        model="Broadcom Inc. and subsidiaries|BCM57416 NetXtreme-E Dual-Media 10G RDMA Ethernet Controller",
        speed=10000,
        cidrs=("192.0.2.40/24",),
        default=True,
    )
    computer.live()
    for number in range(2):
        computer.lsblk(
            disk(
                f"nvme{number}n1",
                3576.9,
                model="SAMSUNG MZQL23T8HCLS-00A07",
                serial=f"S64HNE0R50120{number}",
                number=f"259:{number}",
                wwn=f"eui.36344830525012{number}02538e0000000{number}",
                tran="nvme",
                rota=False,
                subsystems="block:nvme:pci",
            )
        )


def multipath_san(computer: Computer) -> None:
    server(computer)
    computer.pci("0000:3b:00.0", "1077:2261", "0c0400", "qla2xxx")
    nodes = []
    for lun, letters in (("a", "bd"), ("b", "ce")):
        for letter in letters:
            root = (
                [
                    part(
                        f"mpath{lun}-part1",
                        400,
                        "xfs",
                        label="vmstore",
                        uuid="6c1d6b1e-0001-4f0e-9a51-7d6a4d4b1a00",
                        path=f"/dev/mapper/mpath{lun}-part1",
                        number="252:9",
                    )
                ]
                if lun == "a"
                else None
            )
            the_map = part(
                f"mpath{lun}",
                500,
                type="mpath",
                kname=f"dm-{'ab'.index(lun)}",
                path=f"/dev/mapper/mpath{lun}",
                children=root,
                number=f"252:{'ab'.index(lun)}",
                pttype="gpt" if root else None,
            )
            nodes.append(
                disk(
                    f"sd{letter}",
                    500,
                    model="VRAID",
                    serial=f"60060160a0b0c0d0000000000000000{lun}",
                    tran="fc",
                    children=[the_map],
                    wwn=f"0x60060160a0b0c0d0000000000000000{lun}",
                    fstype="mpath_member",
                )
            )
    computer.lsblk(sata("sda", "S45NNA0M500501", "0x5002538e40500501"), *nodes)
    for number, lun in enumerate("ab"):
        computer.link(f"/dev/disk/by-id/dm-uuid-mpath-360060160a0b0c0d0000000000000000{lun}", f"../../dm-{number}")


def eighty_disks(computer: Computer) -> None:
    server(computer)
    computer.pci("0000:af:00.0", "1000:00e6", "010700", "mpt3sas")
    names = [f"sd{letter}" for letter in "abcdefghijklmnopqrstuvwxy"]
    names += [f"sd{first}{second}" for first in "abc" for second in "abcdefghijklmnopqrstuvwxyz"]
    computer.lsblk(sata(names[0], "S45NNA0M500600", "0x5002538e40500600"))
    computer.lsblk(
        *(
            disk(name, 11176, model="ST12000NM0008-2H", serial=f"ZHZ0{number:04}", wwn=f"0x5000c500b6{number:06x}", tran="sas")
            for number, name in enumerate(names[1:80], 1)
        )
    )


def tiny_disk(computer: Computer) -> None:
    computer.cpu("AMD GX-412TC SOC", "AuthenticAMD", "svm npt", cores=4, threads=4)
    computer.memory(4)
    computer.dmi("PC Engines", "apu2", "1234567", "v4.19.0.1")
    computer.acpi()
    computer.kernel(console="console=ttyS0,115200")
    computer.pci("0000:00:11.0", "1022:7801", "010601", "ahci")
    computer.nic(
        "enp1s0",
        "00:0d:b9:4a:bc:de",
        "0000:01:00.0",
        "8086:1539",
        "igb",
        model="Intel Corporation|I211 Gigabit Network Connection",
        cidrs=("192.0.2.61/24",),
        default=True,
    )
    computer.live()
    computer.lsblk(
        disk("mmcblk0", 4, model=None, serial="0x12345678", number="179:0", rota=False, subsystems="block:mmc:mmc_host:pci")
    )
