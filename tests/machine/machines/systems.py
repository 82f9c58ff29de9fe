"""Recorded machines with something installed on them."""

import json

from ..computer import Computer, disk, part
from .common import BASIC, DEBIAN_12, EPYC, ESP, LINUX, MSR, RECOVERY, groups, sata, server


def under_xen(computer: Computer) -> None:
    computer.cpu(*EPYC, "sse4a hypervisor topoext", cores=8, threads=8)
    computer.memory(8)
    computer.dmi("Dell Inc.", "PowerEdge R6515", "9HJ4L53", "2.8.4")
    computer.uefi(secure_boot=False)
    computer.acpi()
    computer.kernel(console="console=hvc0")
    computer.file("/sys/hypervisor/type", "xen\n")
    computer.file("/sys/hypervisor/uuid", "00000000-0000-0000-0000-000000000000\n")
    computer.file("/sys/hypervisor/properties/capabilities", "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 \n")
    computer.command(
        ["xl", "info"],
        (
            "host                   : xenhost\nrelease                : 6.12.57+deb13-amd64\nmachine                : x86_64\n"
            "nr_cpus                : 32\nmax_cpu_id             : 31\nnr_nodes               : 1\ncores_per_socket       : 16\n"
            "threads_per_core       : 2\ncpu_mhz                : 2994.432\n"
            "virt_caps              : pv hvm hvm_directio pv_directio hap iommu_hap_pt_share vpmu gnttab-v1 gnttab-v2\n"
            "total_memory           : 130934\nfree_memory            : 120321\n"
            "xen_major              : 4\nxen_minor              : 20\n"
            "xen_commandline        : placeholder dom0_mem=8G,max:8G com1=115200,8n1 console=com1,vga\n"
        ),
    )
    computer.pci("0000:01:00.0", "1b4b:9230", "010601", "ahci")
    computer.nic(
        "eno1", "b0:7b:25:c1:d2:e3", "0000:e1:00.0", "14e4:165f", "tg3", model="Broadcom Inc. and subsidiaries|NetXtreme BCM5720"
    )
    computer.file("/sys/class/net/xenbr0/type", "1\n")
    computer.over("xenbr0", "eno1")
    computer.stack.cidrs["xenbr0"] = ("192.0.2.70/24",)
    computer.command(
        ["ip", "-j", "-4", "route"], json.dumps([{"dst": "default", "gateway": "192.0.2.1", "dev": "xenbr0", "flags": []}])
    )
    computer.mount("8:3", "/", "ext4", "/dev/sda3")
    computer.mount("8:2", "/boot/efi", "vfat", "/dev/sda2")
    computer.file("/usr/lib/os-release", 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
    thin = part("xenvms-vms", 860, type="lvm", kname="dm-2", path="/dev/mapper/xenvms-vms", number="252:2")
    computer.lsblk(
        sata(
            "sda",
            "S45NNA0M500801",
            "0x5002538e40500801",
            number="8:0",
            pttype="gpt",
            children=[
                part("sda1", 0.001, parttypename="BIOS boot", number="8:1"),
                part(
                    "sda2",
                    0.5,
                    "vfat",
                    label="XEN-ESP",
                    uuid="6D1A-2F00",
                    parttype=ESP,
                    parttypename="EFI System",
                    mountpoints=["/boot/efi"],
                    number="8:2",
                ),
                part(
                    "sda3",
                    16,
                    "ext4",
                    label="xen-system",
                    uuid="0a0a0a0a-0001-4001-8001-000000000001",
                    mountpoints=["/"],
                    number="8:3",
                ),
                part("sda4", 16, number="8:4"),
                part("sda5", 861, "LVM2_member", uuid="AbCdEf-0001", number="8:5", children=[thin]),
            ],
        )
    )
    groups(computer, ("/dev/sda5", "xenvms", "QwErTy-1"), volumes=("vms", "web01", "db01"))


def windows(computer: Computer) -> None:
    computer.cpu("12th Gen Intel(R) Core(TM) i7-12700", "GenuineIntel", "vmx ept", cores=12, threads=20)
    computer.memory(32)
    computer.dmi("Dell Inc.", "OptiPlex 7000", "B1C2D34", "1.18.1")
    computer.uefi(secure_boot=True)
    computer.acpi("DMAR")
    computer.kernel()
    computer.pci("0000:01:00.0", "144d:a80a", "010802", "nvme")
    computer.pci("0000:00:17.0", "8086:7ae2", "010601", "ahci")
    computer.nic(
        "eno2",
        "c0:25:a5:44:55:66",
        "0000:00:1f.6",
        "8086:1a1c",
        "e1000e",
        model="Intel Corporation|Ethernet Connection (17) I219-LM",
        cidrs=("192.0.2.91/24",),
        default=True,
    )
    computer.live()
    computer.lsblk(
        disk(
            "nvme0n1",
            476.9,
            model="PC801 NVMe SK hynix 512GB",
            serial="AJB2N47381080263Q",
            wwn="eui.ace42e003a40b52a",
            tran="nvme",
            rota=False,
            number="259:0",
            pttype="gpt",
            subsystems="block:nvme:pci",
            children=[
                part(
                    "nvme0n1p1",
                    0.25,
                    "vfat",
                    label="ESP",
                    uuid="2CB7-0F00",
                    partlabel="EFI system partition",
                    parttype=ESP,
                    parttypename="EFI System",
                ),
                part(
                    "nvme0n1p2", 0.125, partlabel="Microsoft reserved partition", parttype=MSR, parttypename="Microsoft reserved"
                ),
                part(
                    "nvme0n1p3",
                    475,
                    "BitLocker",
                    partlabel="Basic data partition",
                    parttype=BASIC,
                    parttypename="Microsoft basic data",
                ),
                part(
                    "nvme0n1p4",
                    0.97,
                    "ntfs",
                    label="WINRETOOLS",
                    uuid="3E0C5E5D0C5E10AB",
                    parttype=RECOVERY,
                    parttypename="Windows recovery environment",
                ),
            ],
        ),
        disk(
            "sda",
            931.5,
            model="ST1000DM010-2EP102",
            serial="Z9ABCDEF",
            wwn="0x5000c500a1b2c3d4",
            tran="sata",
            pttype="dos",
            children=[
                part("sda1", 931.5, "ntfs", label="Backup", uuid="B43C1F5A3C1F176E", parttypename="HPFS/NTFS/exFAT"),
            ],
        ),
    )


def foreign_xenvms(computer: Computer) -> None:
    server(computer)
    computer.lsblk(
        sata("sda", "S45NNA0M500901", "0x5002538e40500901"),
        disk(
            "sdb",
            1862.5,
            model="ST2000NX0253",
            serial="W4601XYZ",
            wwn="0x5000c500a5b6c7d8",
            tran="sata",
            pttype="gpt",
            children=[
                part(
                    "sdb1",
                    20,
                    "ext4",
                    label="root",
                    uuid="d1d2d3d4-0000-4000-8000-00000000000a",
                    parttype=LINUX,
                    parttypename="Linux filesystem",
                ),
                part("sdb2", 1842, "LVM2_member", uuid="ZyXwVu-0001", parttypename="Linux LVM"),
            ],
        ),
    )
    groups(computer, ("/dev/sdb2", "xenvms", "PoIuYt-9"), volumes=("vms", "mail", "files"))
    computer.command(
        ["debugfs", "-c", "-R", "cat /usr/lib/os-release", "/dev/sdb1"], DEBIAN_12, stderr="debugfs 1.47.2 (1-Jan-2025)\n"
    )


def installed_debian(computer: Computer) -> None:
    server(computer, live=False)
    computer.mount("252:0", "/", "ext4", "/dev/mapper/vg0-root")
    computer.mount("8:1", "/boot", "ext4", "/dev/sda1")
    computer.file("/usr/lib/os-release", DEBIAN_12)
    root = part("vg0-root", 100, "ext4", type="lvm", kname="dm-0", path="/dev/mapper/vg0-root", mountpoints=["/"], number="252:0")
    swap = part(
        "vg0-swap", 8, "swap", type="lvm", kname="dm-1", path="/dev/mapper/vg0-swap", mountpoints=["[SWAP]"], number="252:1"
    )
    nested = part(
        "crypt0", 793, "LVM2_member", type="crypt", kname="dm-2", path="/dev/mapper/crypt0", children=[root, swap], number="252:2"
    )
    computer.lsblk(
        sata(
            "sda",
            "S45NNA0M501201",
            "0x5002538e40501201",
            number="8:0",
            pttype="gpt",
            children=[
                part("sda1", 1, "ext4", label="boot", mountpoints=["/boot"], number="8:1"),
                part("sda2", 893, "crypto_LUKS", uuid="1u1u1u1u", children=[nested], number="8:2"),
            ],
        ),
        sata(
            "sdb",
            "S45NNA0M501202",
            "0x5002538e40501202",
            number="8:16",
            fstype="ext4",
            label="backup",
            mountpoints=["/srv/backup"],
        ),
        sata("sdc", "S45NNA0M501203", "0x5002538e40501203", number="8:32"),
    )
    groups(computer, ("/dev/mapper/crypt0", "vg0", "LkJhGf-1"), volumes=("root", "swap"))
