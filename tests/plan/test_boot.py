"""How the host starts: mounts, GRUB's settings, boot code for both firmwares, guests that were saved."""

import pytest

from tests.given import SYSTEM, actions, files, image_plan, links, plan_for
from xeninstall.plan.model import (
    ExtendInitramfs,
    FillEsp,
    InstallBiosBoot,
    MakeFilesystem,
    Plan,
    RegisterBootEntry,
    RunInHost,
    VerifyHost,
)

_MIRROR = '[disk]\nserial = "S45NNA0M500201"\n[disk.mirror]\nserial = "S45NNA0M500202"'


def _grub(plan: Plan) -> dict[str, str]:
    lines = files(plan)["/etc/default/grub"].splitlines()
    return dict(line.replace('"', "").split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_xen_is_what_boots() -> None:
    grub = _grub(plan_for("uefi-plain"))
    # Debian's /etc/default/grub.d/xen.cfg makes GRUB_DEFAULT of it: "<distributor> GNU/Linux, with Xen hypervisor".
    assert (grub["XEN_OVERRIDE_GRUB_DEFAULT"], grub["GRUB_DISTRIBUTOR"]) == ("1", "Debian")
    assert "ucode=scan" in grub["GRUB_CMDLINE_XEN"].split()


def test_dom0_gets_what_was_answered() -> None:
    xen = _grub(plan_for("uefi-plain", '[xen]\ndom0_memory = "3G"\ndom0_vcpus = 3'))["GRUB_CMDLINE_XEN"].split()
    assert {"dom0_mem=3072M,max:3072M", "dom0_max_vcpus=3"} <= set(xen)


@pytest.mark.parametrize(
    ("on", "toml", "port", "com"),
    [
        ("uefi-plain", "", "ttyS0", "com1=115200,8n1"),
        ("nvme", '[disk]\nserial = "S64HNE0R501200"', "ttyS1", "com2=115200,8n1"),
        ("uefi-plain", '[console]\nserial = "ttyS1"\nspeed = 9600', "ttyS1", "com2=9600,8n1"),
    ],
)
def test_the_serial_console_is_xens_grubs_and_linuxs(on: str, toml: str, port: str, com: str) -> None:
    grub = _grub(plan_for(on, toml))
    speed = com.partition("=")[2].partition(",")[0]
    xen = grub["GRUB_CMDLINE_XEN"].split()
    assert com in xen and f"console={com[:4]},vga" in xen
    assert grub["GRUB_CMDLINE_LINUX"].endswith(f"console={port},{speed}")
    assert grub["GRUB_CMDLINE_LINUX_XEN_REPLACE"] == "console=tty0 console=hvc0", "the line is Xen's; dom0 speaks through it"
    assert grub["GRUB_TERMINAL"] == "console serial"
    assert grub["GRUB_SERIAL_COMMAND"] == f"serial --unit={port[-1]} --speed={speed}"


@pytest.mark.parametrize("on", ["qemu-virtio", "uefi-plain"])
def test_without_a_serial_line_everything_speaks_to_the_screen(on: str) -> None:
    grub = _grub(plan_for(on, '[console]\nserial = "none"\n[storage]\ntype = "files"'))
    assert "com" not in grub["GRUB_CMDLINE_XEN"] and "console" not in grub["GRUB_CMDLINE_XEN"]
    assert grub["GRUB_CMDLINE_LINUX"] == grub["GRUB_CMDLINE_LINUX_XEN_REPLACE"] == "console=tty0"
    assert grub["GRUB_TERMINAL"] == "console"


def test_an_image_speaks_on_ttys0() -> None:
    assert "com1=115200,8n1" in _grub(image_plan())["GRUB_CMDLINE_XEN"]


def test_mounts_are_by_uuid_and_half_a_mirror_does_not_stop_the_boot() -> None:
    plan = plan_for("bios-two-disks", _MIRROR + '\n[storage]\ntype = "files"')
    made = {act.label: act.uuid for act in actions(plan) if isinstance(act, MakeFilesystem)}
    rows = [line.split() for line in files(plan)["/etc/fstab"].splitlines() if not line.startswith("#")]
    assert [(row[0], row[1]) for row in rows] == [
        (f"UUID={made['xen-system']}", "/"),
        (f"UUID={made['XEN-ESP']}", "/boot/efi"),
        (f"UUID={made['xen-vms']}", "/var/lib/xen/images"),
    ]
    assert all(len(row) == 6 for row in rows)
    assert "nofail" not in rows[0][3] and all("nofail" in row[3].split(",") for row in rows[1:])


def test_guests_are_saved_where_their_room_is_and_only_while_it_is_mounted() -> None:
    plan = image_plan()
    settings = dict(
        line.split("=", 1) for line in files(plan)["/etc/default/xendomains"].splitlines() if not line.startswith("#")
    )
    assert settings["XENDOMAINS_SAVE"] == '"/var/lib/xen/images/saved"'
    assert settings["XENDOMAINS_RESTORE"] == "true" and settings["XENDOMAINS_AUTO"] == "/etc/xen/auto"
    # Debian's script counts the seconds of each save up to it, and to nothing when it is not set.
    assert int(settings["XENDOMAINS_STOP_MAXWAIT"]) >= 300
    unit = files(plan)["/etc/systemd/system/xendomains.service.d/xeninstall.conf"]
    assert "WantsMountsFor=/var/lib/xen/images\n" in unit and "TimeoutSec=30min\n" in unit


# ---- boot code ----------------------------------------------------------------------------------------------------------


def test_both_firmwares_find_boot_code_whatever_the_installer_was_booted_by() -> None:
    for plan in (image_plan(), plan_for("bios-two-disks", '[disk]\npath = "/dev/sda"'), plan_for("uefi-plain")):
        assert len([act for act in actions(plan) if isinstance(act, InstallBiosBoot)]) == 1
        esp = next(act for act in actions(plan) if isinstance(act, FillEsp))
        assert esp.copies["EFI/BOOT/BOOTX64.EFI"] == esp.copies["EFI/debian/shimx64.efi"]
        assert esp.copies["EFI/BOOT/grubx64.efi"].endswith("grubx64.efi.signed")
        root = next(act.uuid for act in actions(plan) if isinstance(act, MakeFilesystem) and act.label == "xen-system")
        # The signed GRUB's own prefix is EFI/debian, from wherever it was started.
        assert esp.texts["EFI/debian/grub.cfg"].startswith(f"search.fs_uuid {root} root\n")


def test_core_image_holds_what_it_takes_to_reach_the_menu() -> None:
    alone = next(act for act in actions(image_plan()) if isinstance(act, InstallBiosBoot))
    assert {"biosdisk", "part_gpt", "ext2", "search_fs_uuid", "normal", "gzio"} <= set(alone.modules)
    mirrored = [act for act in actions(plan_for("bios-two-disks", _MIRROR)) if isinstance(act, InstallBiosBoot)]
    assert [act.disk for act in mirrored] == ["system", "mirror"]
    assert all({"diskfilter", "mdraid1x"} <= set(act.modules) for act in mirrored)


def test_uefi_is_told_and_the_system_disk_comes_first() -> None:
    toml = '[disk]\nserial = "S64HNE0R501200"\n[disk.mirror]\nserial = "S64HNE0R501201"'
    entries = [act for act in actions(plan_for("nvme", toml)) if isinstance(act, RegisterBootEntry)]
    # The entry made last is first in the boot order.
    assert [(act.disk, act.label) for act in entries] == [("mirror", "Xen host (mirror)"), ("system", "Xen host")]


@pytest.mark.parametrize("plan", [image_plan(), plan_for("bios-two-disks", '[disk]\npath = "/dev/sda"')], ids=["image", "BIOS"])
def test_no_firmware_is_told_where_there_is_none_to_tell(plan: Plan) -> None:
    assert not [act for act in actions(plan) if isinstance(act, RegisterBootEntry)]


def test_the_menu_is_debians_own() -> None:
    runs = [act.argv for act in actions(image_plan()) if isinstance(act, RunInHost)]
    assert ("update-grub",) in runs


# ---- initramfs ----------------------------------------------------------------------------------------------------------


def _extended(plan: Plan) -> list[ExtendInitramfs]:
    return [act for act in actions(plan) if isinstance(act, ExtendInitramfs)]


def test_the_initramfs_changes_only_where_it_must() -> None:
    assert not _extended(plan_for("uefi-plain"))
    (keyboard,) = _extended(plan_for("uefi-plain", '[keyboard]\nlayout = "de"'))
    assert keyboard.keyboard and not keyboard.files
    (mirror,) = _extended(plan_for("bios-two-disks", _MIRROR))
    assert not mirror.keyboard and mirror.files == ("/etc/mdadm/mdadm.conf",)
    assert mirror.sha256 == SYSTEM.boot_files[mirror.path]


def test_mdadm_knows_every_array_by_uuid_and_believes_in_no_host_name() -> None:
    text = files(plan_for("bios-two-disks", _MIRROR))["/etc/mdadm/mdadm.conf"]
    arrays = [line.split() for line in text.splitlines() if line.startswith("ARRAY")]
    assert [row[1] for row in arrays] == ["/dev/md/system", "/dev/md/slot-b", "/dev/md/storage"]
    assert all(row[2] == "metadata=1.2" and len(row[3].removeprefix("UUID=").split(":")) == 4 for row in arrays)
    assert "HOMEHOST <ignore>" in text


def test_every_boot_file_of_the_image_is_verified() -> None:
    verified = next(act for act in actions(plan_for("bios-two-disks", _MIRROR)) if isinstance(act, VerifyHost))
    assert verified.boot_files == SYSTEM.boot_files


def test_units_are_enabled_by_links_to_files_that_are_there() -> None:
    plan = image_plan('[hooks]\nfirst_boot = "#!/bin/sh\\ntrue"')
    ours = {path for path, to in links(plan).items() if to.startswith("/etc/systemd/system/")}
    assert len(ours) >= 4
    for path in ours:
        assert links(plan)[path] in files(plan), path
