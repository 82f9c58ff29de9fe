"""Recorded machines that differ in processor, firmware and kernel."""

from ..computer import Computer, disk, part
from .common import LINUX, XEON, sata, server


def intel_vt_off(computer: Computer) -> None:
    computer.cpu("Intel(R) Core(TM) i5-8500 CPU @ 3.00GHz", "GenuineIntel", "sse4_2 aes", cores=6, threads=6)
    computer.cpuid("fpu msr pae vmx sse4_2 aes")
    computer.register("/dev/cpu/0/msr", 0x3A, (0x1).to_bytes(8, "little"))
    computer.memory(16)
    computer.dmi("LENOVO", "10T7CTO1WW", "PC1234AB", "M1UKT4EA")
    computer.uefi(secure_boot=False)
    computer.acpi()
    computer.kernel()
    computer.pci("0000:00:17.0", "8086:a352", "010601", "ahci")
    computer.nic(
        "eno1",
        "8c:16:45:9a:01:7e",
        "0000:00:1f.6",
        "8086:15bb",
        "e1000e",
        model="Intel Corporation|Ethernet Connection (7) I219-LM",
        cidrs=("198.51.100.20/24",),
        default=True,
    )
    computer.live()
    computer.lsblk(
        disk(
            "sda",
            238.5,
            model="SAMSUNG MZ7LN256HAJQ-000L7",
            serial="S3TXNX0K904321",
            wwn="0x5002538d00000001",
            tran="sata",
            rota=False,
        )
    )


def amd_svm_off(computer: Computer) -> None:
    computer.cpu("AMD Ryzen 5 3600 6-Core Processor", "AuthenticAMD", "sse4a topoext", cores=6, threads=12)
    computer.cpuid("fpu msr pae svm sse4a topoext")
    computer.register("/dev/cpu/0/msr", 0xC0010114, (0x18).to_bytes(8, "little"))
    computer.memory(32)
    computer.dmi("Micro-Star International Co., Ltd.", "MS-7B86", "To be filled by O.E.M.", "M.G0")
    computer.uefi(secure_boot=False)
    computer.acpi()
    computer.kernel()
    computer.pci("0000:03:00.1", "1022:43c8", "010601", "ahci")
    computer.nic(
        "enp34s0",
        "2c:f0:5d:11:22:33",
        "0000:22:00.0",
        "10ec:8168",
        "r8169",
        model="Realtek Semiconductor Co., Ltd.|RTL8111/8168/8411 PCI Express Gigabit Ethernet Controller",
        cidrs=("203.0.113.9/24",),
        default=True,
    )
    computer.live()
    computer.lsblk(
        disk(
            "sda",
            1863.0,
            model="ST2000DM008-2FR102",
            serial="ZFL1ABCD",
            wwn="0x5000c500c1d2e3f4",
            tran="sata",
            pttype="gpt",
            children=[
                part(
                    "sda1",
                    1863.0,
                    "ext4",
                    label="data",
                    uuid="3f3c8a52-6f1d-4a43-9a0b-5b8dd0f0c001",
                    parttype=LINUX,
                    parttypename="Linux filesystem",
                )
            ],
        )
    )
    computer.command(["debugfs"], "", stderr="debugfs 1.47.2 (1-Jan-2025)\n/usr/lib/os-release: File not found by ext2_lookup\n")


def no_vt(computer: Computer) -> None:
    computer.cpu("Intel(R) Atom(TM) CPU D525   @ 1.80GHz", "GenuineIntel", "ssse3 lahf_lm", cores=2, threads=4)
    computer.cpuid("fpu msr pae ssse3 lahf_lm")
    computer.memory(4)
    computer.dmi("Supermicro", "X7SPA-HF", "0123456789", "1.2b")
    computer.acpi()
    computer.kernel()
    computer.pci("0000:00:1f.2", "8086:2922", "010601", "ahci")
    computer.nic(
        "enp2s0",
        "00:25:90:0a:0b:0c",
        "0000:02:00.0",
        "8086:10d3",
        "e1000e",
        model="Intel Corporation|82574L Gigabit Network Connection",
        cidrs=("192.0.2.80/24",),
        default=True,
    )
    computer.live()
    computer.lsblk(
        disk("sda", 465.8, model="WDC WD5003ABYX-01WERA1", serial="WD-WMAYP1234567", wwn="0x50014ee0584a1b2c", tran="sata")
    )


def unknown_verdict(computer: Computer) -> None:
    computer.cpu(*XEON, "sse4_2", cores=12, threads=24)
    # The kernel forbids executable memory to programs, and no CPUID device is there.
    computer.command(["python"], "", status=-11, stderr="")
    computer.memory(64)
    computer.dmi("FUJITSU", "PRIMERGY RX2530 M5", "YMAB001234", "V5.0.0.14 R1.32.0 for D3383-B1x")
    computer.acpi()
    computer.kernel()
    computer.pci("0000:00:17.0", "8086:a182", "010601", "ahci")
    computer.nic(
        "eno1",
        "90:1b:0e:f0:e1:d2",
        "0000:1a:00.0",
        "8086:37d1",
        "i40e",
        model="Intel Corporation|Ethernet Connection X722 for 1GbE",
        cidrs=("192.0.2.99/24",),
        default=True,
    )
    computer.live()
    computer.lsblk(sata("sda", "S45NNA0M501101", "0x5002538e40501101"))


def uefi_secure_boot(computer: Computer) -> None:
    server(computer)
    computer.uefi(secure_boot=True)
    computer.lsblk(sata("sda", "S45NNA0M500123", "0x5002538e40500123"))


def uefi_plain(computer: Computer) -> None:
    server(computer)
    computer.uefi(secure_boot=False)
    computer.lsblk(sata("sda", "S45NNA0M500124", "0x5002538e40500124"))


def qemu_virtio(computer: Computer) -> None:
    computer.cpu("QEMU Virtual CPU version 2.5+", "AuthenticAMD", "svm npt hypervisor", cores=2, threads=2)
    computer.memory(4)
    computer.dmi("QEMU", "Standard PC (Q35 + ICH9, 2009)", "", "1.16.3-debian-1.16.3-2")
    computer.acpi()
    computer.kernel(console="console=ttyS0")
    computer.pci("0000:00:04.0", "1af4:1042", "010000", "virtio-pci")
    computer.pci("0000:00:1f.2", "8086:2922", "010601", "ahci")
    computer.nic(
        "enp0s3",
        "52:54:00:12:34:56",
        "0000:00:03.0",
        "1af4:1041",
        "virtio_net",
        model="Red Hat, Inc.|Virtio 1.0 network device",
        speed=-1,
        cidrs=("10.0.2.15/24", "fec0::5054:ff:fe12:3456/64"),
        default=True,
    )
    computer.mount(
        "0:30", "/", "overlay", "overlay", "rw,lowerdir=/run/live/rootfs/filesystem.squashfs/,upperdir=/run/live/overlay/rw"
    )
    computer.mount("11:0", "/run/live/medium", "iso9660", "/dev/sr0", "ro")
    rom = disk(
        "sr0",
        0.5,
        type="rom",
        model="QEMU DVD-ROM",
        serial="QM00001",
        number="11:0",
        fstype="iso9660",
        mountpoints=["/run/live/medium"],
    )
    computer.lsblk(rom, disk("vda", 16, number="254:0", subsystems="block:virtio:pci"))


def no_dm_md(computer: Computer) -> None:
    server(computer)
    computer.command(["modprobe", "-n"], "", status=1)
    computer.kernel(release="6.18.44-cloud", console="console=ttyS0", modules=False)
    computer.lsblk(sata("sda", "S45NNA0M501001", "0x5002538e40501001"), sata("sdb", "S45NNA0M501002", "0x5002538e40501002"))
