"""What an installation leaves on an image: partitions, boot code, files as answered, and no secret anywhere."""

import json
import os
import re
import stat
import struct
import subprocess
from pathlib import Path

import pytest

from xeninstall.answers.load import load
from xeninstall.plan.system_image import SystemImage

from .conftest import EXAMPLE, PASSWORD, Installed
from .installer import SEED, install, leftovers, xeninstall
from .tree import device, differences, esp_files, manifest, mounted, partitions

pytestmark = pytest.mark.root


def test_partitions_are_those_of_the_plan(example: Path, system_image: Path) -> None:
    planned = xeninstall("install", EXAMPLE, "--target", example, "--system", system_image, "--seed", SEED, "--plan", "--json")
    assert planned.status == 0, planned.stderr
    actions = [action for stage in json.loads(planned.stdout)["stages"] for action in stage["actions"]]
    wanted = next(action for action in actions if action["do"] == "write-partitions")["partitions"]
    found = partitions(example)
    assert [(p.number, p.name, p.start_bytes, p.size_bytes, p.uuid, p.type) for p in found] == [
        (p["number"], p["name"], p["start_bytes"], p["size_bytes"], p["uuid"], p["type"]) for p in wanted
    ]
    assert [part.name for part in found] == ["bios", "esp", "system-a", "storage"]
    assert example.stat().st_size == 16 * 2**30
    assert example.stat().st_blocks * 512 < 2 * 2**30, "an image file is sparse"


def test_the_bios_finds_grub(example: Path) -> None:
    bios = partitions(example)[0]
    with example.open("rb") as file:
        boot = file.read(512)
        file.seek(bios.start_bytes)
        core = file.read(bios.size_bytes)
    assert b"GRUB" in boot[:440] and boot[510:] == b"\x55\xaa"
    assert struct.unpack_from("<Q", boot, 0x5C)[0] == bios.start_bytes // 512
    assert boot[450] == 0xEE, "the protective MBR is still there"
    with mounted(example) as root:
        on_disk = (root / "boot/grub/i386-pc/core.img").read_bytes()
    assert core[:500] == on_disk[:500] and core[512 : len(on_disk)] == on_disk[512:]
    start, sectors, _segment = struct.unpack_from("<QHH", core, 500)
    assert start == bios.start_bytes // 512 + 1
    assert sectors == (len(on_disk) + 511) // 512 - 1


def test_uefi_finds_shim_and_grub_on_the_removable_path_and_its_own(example: Path, tmp_path: Path) -> None:
    esp = esp_files(example, tmp_path / "esp")
    with mounted(example) as root:
        for name, source in (
            ("BOOTX64.EFI", "usr/lib/shim/shimx64.efi.signed"),
            ("grubx64.efi", "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
            ("mmx64.efi", "usr/lib/shim/mmx64.efi.signed"),
        ):
            assert esp[f"EFI/BOOT/{name}"] == (root / source).read_bytes()
            assert esp[f"EFI/debian/{name.replace('BOOTX64.EFI', 'shimx64.efi')}"] == (root / source).read_bytes()
    root_uuid = _blkid(example, 3)["UUID"]
    assert root_uuid in esp["EFI/debian/grub.cfg"].decode()


def test_file_systems_are_clean_and_are_the_ones_that_fstab_names(example: Path) -> None:
    for number, argv in ((2, ["fsck.vfat", "-n"]), (3, ["e2fsck", "-f", "-n"]), (4, ["e2fsck", "-f", "-n"])):
        with device(example, number) as node:
            checked = subprocess.run([*argv, node], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    with mounted(example) as root:
        mounts = {line.split()[1]: line.split()[0] for line in _lines(root / "etc/fstab")}
    assert mounts == {
        "/": f"UUID={_blkid(example, 3)['UUID']}",
        "/boot/efi": f"UUID={_blkid(example, 2)['UUID']}",
        "/var/lib/xen/images": f"UUID={_blkid(example, 4)['UUID']}",
    }


def test_files_are_as_answered(example: Path) -> None:
    with mounted(example) as root:
        assert (root / "etc/hostname").read_text() == "xenhost\n"
        assert "192.0.2.10 xenhost.example.org xenhost" in _lines(root / "etc/hosts")
        assert 'XKBLAYOUT="de"' in _lines(root / "etc/default/keyboard")
        assert (root / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/Europe/Berlin")
        assert {"server ntp.example.org iburst", "server 192.0.2.123 iburst"} <= set(_lines(root / "etc/chrony/chrony.conf"))
        bridge = _lines(root / "etc/systemd/network/30-xenbr0.network")
        assert {"Name=xenbr0", "Address=192.0.2.10/24", "Gateway=192.0.2.1", "DHCP=no"} <= set(bridge)
        assert {"interface=xenbr0", "server=192.0.2.53"} <= set(_lines(root / "etc/dnsmasq.d/xeninstall.conf"))
        assert "udp dport { 53 } accept" in (root / "etc/nftables.conf").read_text()
        grub = (root / "boot/grub/grub.cfg").read_text()
        assert re.search(r"multiboot2\s+/boot/xen-4\.20-amd64\.gz .*dom0_mem=1024M,max:1024M dom0_max_vcpus=2", grub)
        assert "com1=115200,8n1 console=com1,vga" in grub
        answers = load(root / "etc/xeninstall/answers.toml") if (root / "root/.ssh/authorized_keys").exists() else None
        assert answers is None
        kept = (root / "etc/xeninstall/answers.toml").read_text()
        assert 'address = "192.0.2.10/24"' in kept and "password_hash was given" in kept


def test_a_host_is_born_without_an_identity_of_the_image(example: Path) -> None:
    with mounted(example) as root:
        assert not list((root / "etc/ssh").glob("ssh_host_*"))
        assert (root / "etc/machine-id").read_text().strip() in ("", "uninitialized")
        dbus = root / "var/lib/dbus/machine-id"
        assert dbus.is_symlink() or not dbus.exists()
        assert not (root / "var/lib/systemd/random-seed").exists()
        for private in ("etc/shadow", "etc/gshadow"):
            assert stat.S_IMODE((root / private).stat().st_mode) == 0o640
        assert stat.S_IMODE((root / "root").stat().st_mode) == 0o700
        assert stat.S_IMODE((root / "var/log/xeninstall").stat().st_mode) == 0o750
        assert not (root / "var/lib/xeninstall/pool").exists(), "the pool of package sets is not needed any more"
        assert not list((root / "var/tmp").iterdir())


def test_two_installations_with_one_seed_give_equal_trees(
    example: Path, system_image: Path, images: Path, tmp_path: Path
) -> None:
    again = images / "again.img"
    run = install(EXAMPLE, again, system_image, "--seed", SEED)
    assert run.status == 0, run.stderr
    assert not differences(manifest(example), manifest(again))
    assert esp_files(example, tmp_path / "one") == esp_files(again, tmp_path / "two")
    with example.open("rb") as one, again.open("rb") as other:
        assert one.read(2 * 2**20) == other.read(2 * 2**20), "GPT and GRUB for BIOS are equal, too"
    finished = json.loads(Path(f"{again}.journal.json").read_text())["finished"]
    assert [event["stage"] for event in run.events if event["event"] == "StageStarted"] == ["check", *finished]
    assert run.events[-1]["event"] == "Finished" and run.events[-1]["facts"]["host"] == "xenhost.example.org"
    again.unlink()


def test_secrets_stay_where_they_belong(system_image: Path, images: Path, tmp_path: Path) -> None:
    clear, token, spoken = "correct horse battery staple", "t0ken-0f-the-webh00k", "w0rd-0f-the-h00k"
    (tmp_path / "password").write_text(clear + "\n")
    answers, target = tmp_path / "answers.toml", images / "secret.img"
    text = re.sub(r"password_hash = .*", f'password_file = "{tmp_path / "password"}"', EXAMPLE.read_text())
    hooks = f"""
[hooks]
webhook = "http://127.0.0.1:9/{token}"
before_disk = '''#!/bin/sh -e
: {spoken}
echo before > {tmp_path}/before
'''
installed = '''#!/bin/sh -e
: {spoken}
echo made by the hook > "$XENINSTALL_ROOT/etc/from-the-hook"
'''
first_boot = '''#!/bin/sh -e
: {spoken}
'''
"""
    answers.write_text(text + hooks)
    plan = xeninstall("install", answers, "--target", target, "--system", system_image, "--plan", "--json", "--files")
    shown = xeninstall("install", answers, "--target", target, "--system", system_image, "--plan", "--files")
    run = xeninstall("install", answers, "--target", target, "--system", system_image, "--json")
    assert (plan.status, shown.status, run.status) == (0, 0, 0), plan.stderr + shown.stderr + run.stderr
    assert (tmp_path / "before").read_text() == "before\n"
    with mounted(target) as root:
        assert (root / "etc/from-the-hook").read_text() == "made by the hook\n"
        hashed = _hash_of_root(root)
        assert hashed.startswith("$y$")
        assert _verify_password(clear, hashed)
        in_tree = {secret: _files_with(secret, root) for secret in (clear, hashed, token, spoken)}
    assert in_tree[clear] == [] and in_tree[token] == []
    assert in_tree[hashed] == ["etc/shadow"]
    # A hook is part of the answers that are kept to be replayed; only root reads them.
    assert in_tree[spoken] == [
        "etc/xeninstall/answers.toml",
        "usr/local/lib/xeninstall/first-boot-hook",
        "var/log/xeninstall/answers.toml",
    ]
    beside = {path.name: path.read_text() for path in images.glob("secret.img.*")}
    assert "secret.img.log" in beside and "secret.img.journal.json" in beside
    said = {"plan": plan.stdout + plan.stderr, "shown": shown.stdout + shown.stderr, "run": run.stdout + run.stderr, **beside}
    for secret in (clear, hashed, token, spoken):
        assert not [name for name, words in said.items() if secret in words], f"{secret!r} is in one of {sorted(said)}"
    target.unlink()


def test_every_package_set_of_the_image_installs_offline(installed: Installed, system_image: Path) -> None:
    image = SystemImage.from_json(system_image.with_suffix(".json").read_bytes(), where="system.json")
    assert image.sets, "this system image was built without package sets"
    sets = ", ".join(f'"{name}"' for name in image.sets)
    host = installed(EXAMPLE.read_text() + f"\n[packages]\nsets = [{sets}]\n")
    with mounted(host) as root:
        status = (root / "var/lib/dpkg/status").read_text()
        policy = (root / "usr/sbin/policy-rc.d").exists()
    present = set(re.findall(r"^Package: (.*)\nStatus: install ok installed$", status, re.MULTILINE))
    assert {package for offline in image.sets.values() for package in offline.packages} <= present
    assert not policy
    assert "Status: install ok unpacked" not in status and "half-" not in status


def test_nothing_is_left_behind(example: Path) -> None:
    assert leftovers(example) == []
    beside = sorted(path.name for path in example.parent.glob(f"{example.name}*"))
    assert beside == [example.name, f"{example.name}.journal.json", f"{example.name}.log"]
    assert stat.S_IMODE((example.parent / f"{example.name}.log").stat().st_mode) == 0o600


def test_the_documented_password_is_the_example_s(example: Path) -> None:
    with mounted(example) as root:
        assert _verify_password(PASSWORD, _hash_of_root(root))


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def _blkid(image: Path, number: int) -> dict[str, str]:
    with device(image, number) as node:
        out = subprocess.run(["blkid", "-p", "-o", "export", node], capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def _files_with(secret: str, root: Path) -> list[str]:
    argv = ["grep", "-rlF", "--", secret, "."]
    found = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False).stdout
    return sorted(name.removeprefix("./") for name in found.splitlines())


def _verify_password(clear: str, hashed: str) -> bool:
    # crypt(3) by Perl, which every Debian has: Python dropped its own.
    argv = ["perl", "-e", "print crypt($ENV{CLEAR}, $ENV{HASHED})"]
    environment = {**os.environ, "CLEAR": clear, "HASHED": hashed}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout == hashed


def _hash_of_root(root: Path) -> str:
    return next(line.split(":")[1] for line in _lines(root / "etc/shadow") if line.startswith("root:"))
