"""How the host starts: mounts, GRUB's settings for Xen, boot code for BIOS and for UEFI, saved guests."""

from xeninstall.answers.model import Keyboard, StorageType
from xeninstall.machine.model import FirmwareMode

from . import packs
from .disk import md_uuid
from .model import (
    Action,
    ExtendInitramfs,
    FillEsp,
    InstallBiosBoot,
    PartitionOf,
    RebuildInitramfs,
    RegisterBootEntry,
    RunInHost,
    WriteFile,
    chosen_uuid,
)
from .wanted import Host, Wanted

VM_FILES = "/var/lib/xen/images"
MDADM_CONF = "/etc/mdadm/mdadm.conf"
_SHIM = "/usr/lib/shim/shimx64.efi.signed"
_MOK_MANAGER = "/usr/lib/shim/mmx64.efi.signed"
_GRUB = "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"


def mounts(wanted: Wanted) -> tuple[Action, ...]:
    """/etc/fstab, by UUID. The ESP is mounted when it is there: half a mirror must not stop the boot, and
    `nofail` mounts do not hold it up, however long a slow machine takes to find its disks.
    """
    lines = [
        "# Written by xeninstall.",
        f"UUID={wanted.root_uuid} / ext4 errors=remount-ro 0 1",
        f"UUID={wanted.esp_id} /boot/efi vfat umask=0077,nofail,x-systemd.device-timeout=5min 0 2",
    ]
    out: list[Action] = []
    if wanted.answers.storage.type is StorageType.FILES:
        if wanted.storage_device:
            lines.append(f"UUID={wanted.storage_uuid} {VM_FILES} ext4 nofail,x-systemd.device-timeout=5min 0 2")
        # Saved guests are as large as their memory: they belong where the room is.
        saved = f"{VM_FILES}/saved"
    else:
        saved = "/var/lib/xen/save"
    out.append(WriteFile(path="/etc/fstab", text="\n".join(lines) + "\n"))
    return (*out, *saved_guests(saved))


def saved_guests(place: str) -> tuple[WriteFile, ...]:
    """Guests that run when the host goes down are saved at `place`, and restored after."""
    head = "# Written by xeninstall: running guests are saved when the host goes down and restored after.\n"
    keys = f'XENDOMAINS_SAVE="{place}"\nXENDOMAINS_RESTORE=true\nXENDOMAINS_AUTO=/etc/xen/auto\nXENDOMAINS_STOP_MAXWAIT=300\n'
    # Saving many guests takes long, and must neither begin before their storage is mounted nor outlast it.
    unit = f"# Written by xeninstall.\n[Unit]\nWantsMountsFor={VM_FILES}\n\n[Service]\nTimeoutSec=30min\n"
    return (
        WriteFile(path="/etc/default/xendomains", text=head + keys),
        WriteFile(path="/etc/systemd/system/xendomains.service.d/xeninstall.conf", text=unit),
    )


def initramfs(wanted: Wanted) -> tuple[Action, ...]:
    """An initramfs that knows keyboard and mirror, where they differ from the image's: a US keyboard, no mirror.

    Appending cannot bring a module in: its index of modules is one file for all of them. So with packs it is built anew, in a
    quarter of a minute, by the tools that do so at each kernel update; keyboard and mirror come along by that.
    """
    if packs.change_initramfs(wanted):
        modules = tuple(name for pack in wanted.packs for name in pack.manifest.loads)
        return (RebuildInitramfs(path=wanted.image_initrd, kernel=wanted.image.kernel, modules=modules),)
    keyboard = wanted.answers.keyboard != Keyboard()
    files = (MDADM_CONF,) if wanted.mirrored else ()
    if not keyboard and not files:
        return ()
    base = wanted.image.boot_files[wanted.image_initrd]
    return (ExtendInitramfs(path=wanted.image_initrd, sha256=base, keyboard=keyboard, files=files),)


def mirror(wanted: Wanted) -> tuple[Action, ...]:
    """mdadm.conf, which names the arrays."""
    if not wanted.mirrored:
        return ()
    names = ["system", *(["slot-b"] if wanted.layout.slot_b else []), *(["storage"] if wanted.layout.storage else [])]
    arrays = "".join(
        f"ARRAY /dev/md/{name} metadata=1.2 UUID={md_uuid(chosen_uuid(wanted.seed, f'array/{name}'))}\n" for name in names
    )
    return (WriteFile(path=MDADM_CONF, text=f"# Written by xeninstall.\nHOMEHOST <ignore>\nMAILADDR root\n{arrays}"),)


def grub(wanted: Wanted) -> tuple[Action, ...]:
    """/etc/default/grub, so that every later update-grub gives the same, and the first grub.cfg."""
    serial, speed = wanted.serial, wanted.answers.console.speed
    unit = 1 if serial == "ttyS1" else 0
    if serial:
        linux, dom0, terminal = f"console=tty0 console={serial},{speed}", "console=tty0 console=hvc0", "console serial"
    else:
        # Without a serial line nobody reads Xen's console, so dom0's messages go to the screen.
        linux, dom0, terminal = "console=tty0", "console=tty0", "console"
    text = f"""# Written by xeninstall; run update-grub after a change.
GRUB_DISTRIBUTOR=Debian
GRUB_DEFAULT=0
GRUB_TIMEOUT=3
GRUB_DISABLE_OS_PROBER=true
GRUB_TERMINAL="{terminal}"
GRUB_SERIAL_COMMAND="serial --unit={unit} --speed={speed}"
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="{linux}"
GRUB_CMDLINE_XEN="{xen_command_line(wanted)}"
GRUB_CMDLINE_LINUX_XEN_REPLACE="{dom0}"
# Xen is what this machine boots; /etc/default/grub.d/xen.cfg turns this into GRUB_DEFAULT.
XEN_OVERRIDE_GRUB_DEFAULT=1
"""
    return (
        WriteFile(path="/etc/default/grub", text=text),
        *grub_menu(),
    )


def xen_command_line(host: Host) -> str:
    """The hypervisor's own words: dom0's share, and the serial line where there is one."""
    memory, speed = host.dom0_memory_mib, host.answers.console.speed
    words = f"dom0_mem={memory}M,max:{memory}M dom0_max_vcpus={host.dom0_vcpus} ucode=scan"
    if host.serial:
        port = 2 if host.serial == "ttyS1" else 1
        words += f" com{port}={speed},8n1 console=com{port},vga"
    return words


def grub_menu() -> tuple[RunInHost, ...]:
    """GRUB's directory and its menu, made by the host's own GRUB."""
    return (
        RunInHost(argv=("mkdir", "-p", "/boot/grub"), why="GRUB's directory, which only its installer packages make"),
        RunInHost(
            argv=("cp", "-r", "/usr/lib/grub/i386-pc", "/usr/lib/grub/x86_64-efi", "/boot/grub/"),
            why="GRUB's modules for both firmwares",
        ),
        RunInHost(argv=("update-grub",), why="Debian's own grub.cfg, with Xen first"),
    )


def boot_code(wanted: Wanted) -> tuple[Action, ...]:
    """Boot code for BIOS and UEFI on every system disk, so that a disk moves between machines."""
    out: list[Action] = []
    for disk in wanted.system_disks:
        out.append(
            InstallBiosBoot(
                disk=disk.key,
                partition=wanted.layout.bios_boot,
                root_uuid=wanted.root_uuid,
                modules=bios_modules(mirrored=wanted.mirrored),
            )
        )
        esp = PartitionOf(disk=disk.key, number=wanted.layout.esp)
        out.append(esp_filling(esp, wanted.root_uuid))
    if wanted.machine is not None and wanted.machine.firmware.mode is FirmwareMode.UEFI:
        # The entry made last is tried first.
        for disk in reversed(wanted.system_disks):
            label = "Xen host" if disk.key == "system" else "Xen host (mirror)"
            out.append(RegisterBootEntry(disk=disk.key, partition=wanted.layout.esp, label=label))
    return tuple(out)


def bios_modules(*, mirrored: bool) -> tuple[str, ...]:
    """What GRUB's core image for BIOS needs to find its menu, and what the menu does not ask for by itself."""
    # gzio: Xen is a gzip file, and the menu that grub-mkconfig writes does not ask for the module.
    raid = ("diskfilter", "mdraid1x") if mirrored else ()
    return ("biosdisk", "part_gpt", *raid, "ext2", "search_fs_uuid", "serial", "normal", "gzio")


def esp_filling(esp: PartitionOf, root_uuid: str) -> FillEsp:
    """Debian's signed loaders, under their own name and under the one that every firmware tries, and the way to the menu."""
    copies: dict[str, str] = {}
    for directory, first in (("BOOT", "BOOTX64.EFI"), ("debian", "shimx64.efi")):
        copies |= {
            f"EFI/{directory}/{first}": _SHIM,
            f"EFI/{directory}/grubx64.efi": _GRUB,
            f"EFI/{directory}/mmx64.efi": _MOK_MANAGER,
        }
    config = f"search.fs_uuid {root_uuid} root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
    return FillEsp(device=esp, copies=copies, texts={"EFI/debian/grub.cfg": config})
