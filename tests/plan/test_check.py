"""Answers against machines: every text that a user may meet before anything is written."""

from dataclasses import dataclass

import pytest

from tests.given import answers, machine
from xeninstall.answers.model import Answers
from xeninstall.base.sizes import GIB
from xeninstall.machine.model import Disk, Machine, Obstacle, Reason
from xeninstall.plan.check import Chosen, Refused, check


def _said(answer_file: Answers, computer: Machine, disk_path: str | None = None) -> list[str]:
    return [f"{finding.what}; {finding.remedy}" for finding in check(answer_file, computer, disk_path).findings]


def _only(said: list[str]) -> str:
    assert len(said) == 1, said
    return said[0]


@dataclass(frozen=True)
class Case:
    """A machine, answers, and the one thing that is said about them."""

    on: str
    toml: str
    says: str
    target: str | None = None


_SDA = "/dev/sda (serial S45NNA0M500201)"
_SDB = "/dev/sdb (serial S45NNA0M500202)"
_STICK = "/dev/sdz (serial 4C530001231120115142)"
_CHOICE = f"choose one of the machine's disks: {_STICK}, {_SDA}, {_SDB}"
_SERIAL_A = '[disk]\nserial = "S45NNA0M500201"\n'
_MIRROR = _SERIAL_A + '[disk.mirror]\nserial = "S45NNA0M500202"\n'

_REFUSALS = {
    "VT-x off": Case(
        "intel-vt-off",
        "",
        "the CPU's hardware virtualization is switched off in the firmware; enable Intel Virtualization Technology (VT-x, VMX) "
        "in the firmware setup (often under Advanced > CPU Configuration) and boot again, or set "
        "hardware.require_virtualization = false for a host with paravirtual guests only",
    ),
    "SVM off": Case(
        "amd-svm-off",
        "",
        "the CPU's hardware virtualization is switched off in the firmware; enable SVM Mode (AMD-V, Secure Virtual Machine) in "
        "the firmware setup (often under Advanced > CPU Configuration) and boot again, or set "
        "hardware.require_virtualization = false for a host with paravirtual guests only",
    ),
    "no VT": Case(
        "no-vt",
        "",
        "this CPU has no hardware virtualization; use another machine, or set hardware.require_virtualization = false for a host "
        "with paravirtual guests only",
    ),
    "Secure Boot": Case(
        "uefi-secure-boot",
        "",
        "Secure Boot is enforced, and Xen from Debian's packages cannot start under it; switch Secure Boot off in the firmware "
        "setup, or promise to do so before the first boot with hardware.accept_secure_boot = true",
    ),
    "no such serial": Case("bios-two-disks", '[disk]\nserial = "WRONG"', f"disk: no disk has the serial number WRONG; {_CHOICE}"),
    "no such WWN": Case("bios-two-disks", '[disk]\nwwn = "0x5"', f"disk: no disk has the WWN 0x5; {_CHOICE}"),
    "no such path": Case(
        "bios-two-disks", '[disk]\npath = "/dev/sdq"', f"disk: /dev/sdq is not a disk of this machine; {_CHOICE}"
    ),
    "no such target": Case(
        "bios-two-disks", "", f"--target: /dev/sdq is not a disk of this machine; {_CHOICE}", target="/dev/sdq"
    ),
    "none named": Case(
        "bios-two-disks",
        "",
        f"disk: no disk is named, and 2 of the machine's disks could be meant; name it by disk.serial; {_CHOICE}",
    ),
    "no rule matches": Case("bios-two-disks", '[disk.match]\nbus = "nvme"', f"disk.match: no usable disk matches; {_CHOICE}"),
    "a rule matches twice": Case(
        "bios-two-disks",
        '[disk.match]\nmodel = "mz7*"',
        f"disk.match: 2 disks match: {_SDA}, {_SDB}; narrow the rule, or say which with pick",
    ),
    "boot medium": Case(
        "bios-two-disks",
        '[disk]\npath = "/dev/sdz"',
        f"disk: {_STICK}: the installer was booted from /dev/sdz1; take another disk",
    ),
    "target contradicts": Case(
        "bios-two-disks",
        _SERIAL_A,
        f"--target /dev/sdb is not the disk that the answers name: {_SDA}; make the two agree, so that no wrong disk is lost",
        target="/dev/sdb",
    ),
    "target and no such disk": Case(
        "bios-two-disks",
        '[disk]\nserial = "WRONG"',
        "--target /dev/sdb is not the disk that the answers name: disk: no disk has the serial number WRONG; make the two agree, "
        "so that no wrong disk is lost",
        target="/dev/sdb",
    ),
    "erase missing": Case(
        "bios-two-disks",
        _SERIAL_A + "erase = false",
        f"everything on {_SDA} would be destroyed, and the answers do not allow it; set disk.erase = true if that is meant",
    ),
    "mirror missing": Case(
        "bios-two-disks",
        _SERIAL_A + '[disk.mirror]\nserial = "WRONG"',
        f"disk.mirror: no disk has the serial number WRONG; choose one of the machine's disks: {_STICK}, {_SDB}",
    ),
    "no NIC": Case("no-nic", "", "the machine has no network card that the kernel knows; add one, or load its driver"),
    "no such NIC": Case(
        "uefi-plain",
        '[network]\nnic = "eno7"',
        "network.nic: eno7 is not a network card of this machine; choose from: eno1 (e4:43:4b:5c:1a:20)",
    ),
    "NIC twice": Case(
        "ten-nics",
        '[disk]\nserial = "S4KXNA0R900100"\n[network.bond]\nmembers = ["eno1", "20:67:7c:e0:00:00"]',
        "network.bond.members: 20:67:7c:e0:00:00 is named twice; name two different network cards",
    ),
    "dom0 memory": Case(
        "uefi-plain",
        '[xen]\ndom0_memory = "64G"',
        "xen.dom0_memory is 64 GiB, but the machine has 64 GiB; give dom0 less, so that Xen (256 MiB) and guests find room",
    ),
    "dom0 vCPUs": Case(
        "uefi-plain",
        "[xen]\ndom0_vcpus = 25",
        "xen.dom0_vcpus is 25, but the machine has 24 threads; give dom0 no more than that",
    ),
}


@pytest.mark.parametrize("case", _REFUSALS.values(), ids=_REFUSALS)
def test_refused_with_its_remedy(case: Case) -> None:
    assert _only(_said(answers(case.toml), machine(case.on), case.target)) == case.says


def test_everything_wrong_is_said_at_once_and_nothing_was_written() -> None:
    bad = answers('[disk]\nserial = "X"\n[network]\nnic = "eno7"\n[xen]\ndom0_vcpus = 99')
    findings = check(bad, machine("no-vt")).findings
    assert len(findings) == 4
    error = Refused(findings)
    assert error.message.count("\n") == 3
    assert (error.hint, error.exit_code) == ("nothing was written", 3)


def test_disks_hidden_by_the_controller_are_explained_even_beside_the_boot_medium() -> None:
    hidden = machine("vmd-no-disks")
    said = _only(_said(answers(), hidden))
    assert said.startswith("the machine shows no disks; storage controller 0000:00:0e.0 (8086:9a0b) is an Intel VMD")
    assert "Switch the SATA mode from RAID/RST to AHCI" in said
    with_stick = hidden.model_copy(update={"disks": machine("uefi-plain").disks[:1]})
    first, second = _said(answers(), with_stick)
    assert first.startswith("a storage controller hides disks of this machine; storage controller 0000:00:0e.0")
    assert (
        second
        == f"disk: none of the machine's disks can be used; {_STICK}: the installer was booted from /dev/sdz1; take another disk"
    )


def test_no_disks_without_a_reason() -> None:
    said = _only(_said(answers(), machine("uefi-plain", disks=())))
    assert said == "the machine shows no disks; attach one, or load the driver of its controller"


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("running-md", "/dev/sda", "md"),
        ("running-md", "/dev/sdc", "RAID"),
        ("installed-debian", "/dev/sda", "running system"),
        ("installed-debian", "/dev/sdb", "mounted"),
        ("tiny-disk", "/dev/mmcblk0", "4 GiB"),
        ("under-xen", "/dev/sda", "running system"),
        ("multipath-san", "/dev/sdb", "one path to /dev/mapper/mpatha"),
    ],
)
def test_a_disk_that_cannot_be_used_says_why(name: str, path: str, words: str) -> None:
    computer = machine(name)
    disk = next(disk for disk in computer.disks if disk.path == path)
    assert words in disk.obstacles[0].text
    said = _only(_said(answers(f'[disk]\npath = "{path}"'), computer))
    assert said == f"disk: {path} ({disk.identity}): {disk.obstacles[0].text}"


def test_memory_has_a_minimum_from_which_firmware_may_take_its_share() -> None:
    sold_with_two = machine("uefi-plain", memory_bytes=2 * GIB * 15 // 16)
    assert not _said(answers(), sold_with_two)
    one = machine("uefi-plain", memory_bytes=GIB)
    assert _only(_said(answers(), one)) == "the machine has 1 GiB of memory; a Xen host needs 2 GiB"


def test_a_kernel_without_md_makes_no_mirror() -> None:
    toml = '[disk]\nserial = "S45NNA0M501001"\n[disk.mirror]\nserial = "S45NNA0M501002"'
    assert _only(_said(answers(toml), machine("no-dm-md"))) == (
        "the running kernel cannot make mirrors (no md driver); install from the boot medium, whose kernel has it"
    )


def _disks(*disks: Disk) -> Machine:
    return machine("uefi-plain", disks=disks)


def test_two_disks_with_one_serial_number_are_not_guessed_between() -> None:
    twins = [Disk(path=f"/dev/sd{letter}", serial="SAME", size_bytes=100 * GIB) for letter in "ab"]
    assert _only(_said(answers('[disk]\nserial = "SAME"'), _disks(*twins))) == (
        "disk: 2 disks answer to it: /dev/sda, /dev/sdb; name one by its path in /dev/disk/by-id"
    )


def test_of_eighty_disks_eight_are_listed() -> None:
    said = _only(_said(answers(), machine("eighty-disks")))
    assert said.startswith("disk: no disk is named, and 80 of the machine's disks could be meant; name it by disk.serial; ")
    assert said.count("(serial ") == 8 and said.endswith(" and 73 more")


# ---- what goes through --------------------------------------------------------------------------------------------------


def _chosen(toml: str, name: str, disk_path: str | None = None) -> Chosen:
    chosen = check(answers(toml), machine(name), disk_path)
    assert not chosen.findings, chosen.findings
    return chosen


@pytest.mark.parametrize(
    "toml",
    [
        _SERIAL_A,
        '[disk]\nwwn = "5002538e40500201"',
        '[disk]\nwwn = "0X5002538E40500201"',
        '[disk]\npath = "/dev/sda"',
        '[disk]\npath = "/dev/disk/by-id/wwn-0x5002538e40500201"',
        '[disk.match]\npick = "first"',
        '[disk.match]\nmodel = "MZ7LH*"\nbus = "sata"\nmin_size = "100G"\nmax_size = "1T"\npick = "smallest"',
    ],
)
def test_the_ways_to_name_a_disk(toml: str) -> None:
    found = _chosen(toml, "bios-two-disks").system
    assert found is not None and found.path == "/dev/sda"


def test_the_only_usable_disk_needs_no_name() -> None:
    found = _chosen("", "qemu-virtio").system
    assert found is not None and found.path == "/dev/vda"


def test_pick_chooses_by_size() -> None:
    computer = _disks(
        *(Disk(path=f"/dev/sd{letter}", size_bytes=size * GIB) for letter, size in zip("abc", (50, 20, 90), strict=True))
    )
    for pick, path in (("smallest", "/dev/sdb"), ("largest", "/dev/sdc"), ("first", "/dev/sda")):
        system = check(answers(f'[disk.match]\npick = "{pick}"'), computer).system
        assert system is not None and system.path == path


def test_equal_rules_take_different_disks() -> None:
    rule = 'match = { bus = "sata", pick = "first" }'
    chosen = _chosen(f"[disk]\n{rule}\n[disk.mirror]\n{rule}", "bios-two-disks")
    assert chosen.system and chosen.mirror
    assert (chosen.system.path, chosen.mirror.path) == ("/dev/sda", "/dev/sdb")


def test_a_multipath_map_is_taken_and_its_paths_are_not_counted() -> None:
    computer = machine("multipath-san")
    serial = next(disk.serial for disk in computer.disks if disk.path.startswith("/dev/mapper/"))
    found = _chosen(f'[disk]\nserial = "{serial}"', "multipath-san").system
    assert found is not None and found.path.startswith("/dev/mapper/")


def test_a_disk_for_guests_alone_may_be_smaller_than_a_system() -> None:
    small = Obstacle(reason=Reason.TOO_SMALL, text="too small for the system")
    extra = '[disk]\npath = "/dev/sda"\n[[storage.extra_disks]]\npath = "/dev/sdb"\nerase = true'
    for size, says in (
        (4 * GIB, []),
        (GIB // 2, ["storage.extra_disks[0]: /dev/sdb (/dev/sdb) has 512 MiB; VM storage needs 1 GiB"]),
    ):
        disks = Disk(path="/dev/sda", size_bytes=100 * GIB), Disk(path="/dev/sdb", size_bytes=size, obstacles=(small,))
        assert _said(answers(extra), _disks(*disks)) == says


# ---- warnings -----------------------------------------------------------------------------------------------------------


def _warned(toml: str, name: str) -> str:
    warnings = _chosen(toml, name).warnings
    assert len(warnings) == 1, warnings
    return warnings[0]


def test_a_host_for_paravirtual_guests_is_warned_of_only() -> None:
    assert _warned("[hardware]\nrequire_virtualization = false", "intel-vt-off") == (
        "the CPU's hardware virtualization is switched off in the firmware: HVM and PVH guests will not start; enable Intel "
        "Virtualization Technology (VT-x, VMX) in the firmware setup (often under Advanced > CPU Configuration) and boot again"
    )


def test_a_verdict_that_could_not_be_reached_is_warned_of_with_its_evidence() -> None:
    said = _warned("", "unknown-verdict")
    assert said.startswith("whether this CPU has hardware virtualization could not be found out (")
    assert said.endswith("): HVM and PVH guests may not start; look into the firmware setup")


def test_promised_to_switch_secure_boot_off() -> None:
    assert _warned("[hardware]\naccept_secure_boot = true", "uefi-secure-boot") == (
        "Secure Boot is enforced, and Xen from Debian's packages cannot start under it: switch Secure Boot off in the firmware "
        "before the installed host's first boot"
    )


def test_a_card_without_link_is_warned_of() -> None:
    computer = machine("uefi-plain")
    unplugged = computer.nics[0].model_copy(update={"link": False})
    chosen = check(answers(), computer.model_copy(update={"nics": (unplugged,)}))
    assert chosen.warnings == ["eno1 (e4:43:4b:5c:1a:20) has no link"]


def test_auto_takes_the_card_that_leads_out_and_says_which() -> None:
    chosen = check(answers('[disk]\nserial = "S4KXNA0R900100"'), machine("ten-nics"))
    best = chosen.nics[0]
    assert best.default_route or best.link
    assert f"the management network will be on {best.name} ({best.mac}), chosen of 10" in chosen.warnings


def test_a_machine_with_one_thread_is_told_so_in_the_singular() -> None:
    single = machine("uefi-plain")
    single = single.model_copy(update={"cpu": single.cpu.model_copy(update={"threads": 1})})
    said = _only(_said(answers("[xen]\ndom0_vcpus = 2"), single))
    assert said == "xen.dom0_vcpus is 2, but the machine has 1 thread; give dom0 no more than that"
