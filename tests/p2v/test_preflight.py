"""Every verdict comes at once, before anything moves, each with what to do."""

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from p2v.answers import wishes_of
from p2v.cli import main
from p2v.preflight import Severity
from p2v.to_host import conversion_to
from tests.p2v.disks import MIB, filesystem, make_disk, patch, run, sha
from tests.p2v.guest.real_disks import OLD_RELEASE, ext4, gpt, tree
from tests.p2v.guest.windows.systems import make_volume
from tests.p2v.layout.test_keepers import bitlocker
from tests.p2v.target.sshd import Sshd, receiver
from xeninstall.answers.model import Convert
from xeninstall.base.errors import UsageError
from xeninstall.base.run import SystemRunner

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_signals")]


def test_a_disk_full_of_obstacles_names_them_all_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = make_volume(tmp_path / "windows", "win10", more={"hiberfil.sys": b"HIBR" + bytes(8188)})
    swap = filesystem(tmp_path, "swap")
    patch(swap, 4096 - 10, b"S1SUSPEND\0")
    locked = tmp_path / "bitlocker"
    locked.write_bytes(b"\xeb\x58\x90-FVE-FS-".ljust(512, b"\0") + bytes(2 * MIB))
    arm = tree(tmp_path / "t", OLD_RELEASE + "=== /etc/fstab\n/dev/sda4 / ext4 x 0 1\n")
    (arm / "bin").mkdir()
    (arm / "bin/sh").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00")
    ext4(tmp_path / "arm", arm, 24)
    disk = tmp_path / "old.img"
    gpt(disk, [("L", windows), ("S", swap), ("L", locked), ("L", tmp_path / "arm"), ("L", filesystem(tmp_path, "luks"))])
    before = sha(disk)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    assert main(["preflight", str(disk), "--to", str(tmp_path), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    told = {(finding["severity"], finding["text"].split(":")[0][:45]) for finding in found["findings"]}
    assert {
        ("refused", "Windows hibernates, or was shut down by a fas"),
        ("warning", "it is encrypted by BitLocker"),
        ("warning", "a hibernated system waits in it"),
        ("warning", "it is encrypted (LUKS2)"),
        ("refused", "it is built for aarch64"),
        ("refused", "it has 1000 bytes left, and the image may tak"),
    } <= told
    assert all(finding["remedy"] for finding in found["findings"] if finding["severity"] == "refused")
    assert found["read_bytes"] > 10 * MIB and found["seconds"] is not None and found["refused"]
    assert sha(disk) == before
    monkeypatch.undo()
    assert main(["preflight", str(disk), "--to", str(tmp_path), "--drop-hibernation"]) == 3
    said = capsys.readouterr().out
    assert "hibernates" not in said and "It cannot be converted like this: see what is REFUSED." in said


def test_a_sound_disk_can_be_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ext4(tmp_path / "root", tree(tmp_path / "t", OLD_RELEASE + "=== /bin/sh\n%elf\n=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n"), 24)
    gpt(tmp_path / "old.img", [("L", tmp_path / "root")])
    assert main(["preflight", str(tmp_path / "old.img"), "--to", str(tmp_path), "--limit", "1M"]) == 0
    said = capsys.readouterr().out
    assert "GOOD     Old Debian: it can be repaired" in said
    assert said.endswith("\nIt can be converted.\n")
    assert "time: about" in said and "the disks, measured: " in said and f"{tmp_path}, measured: " in said
    assert "downtime: about " in said and "stand still until all is copied; repairs and a trial start come on top" in said


def test_a_disk_beyond_a_formats_limit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "huge.img").open("wb") as file:
        file.truncate(3 << 40)
    assert main(["preflight", str(tmp_path / "huge.img"), "--to", str(tmp_path), "--format", "vhd"]) == 3
    said = capsys.readouterr().out
    assert "REFUSED  format vhd: VHD holds at most 2040 GiB" in said
    assert "systems: none was found that can be repaired" in said


def test_what_cannot_be_opened_is_a_verdict_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = make_disk(tmp_path, "gpt", ["swap"])
    assert main(["preflight", str(good), str(tmp_path / "none"), "--to", str(tmp_path)]) == 3
    assert f"REFUSED  {tmp_path}/none: {tmp_path}/none does not exist" in capsys.readouterr().out


def test_windows_under_another_mode_than_hvm_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "old.img"
    gpt(disk, [("L", make_volume(tmp_path / "windows", "win7"))])
    wanted = {"name": "old", "target": str(tmp_path), "source": ({"path": str(disk)},)}
    for mode, refused in (("pv", ["Windows cannot run as PV"]), ("hvm", [])):
        found = conversion_to(Convert.model_validate(wanted | {"mode": mode}), None, SystemRunner()).preflight()
        assert [one.text for one in found.findings if one.severity is Severity.REFUSED] == refused


def test_drivers_that_answers_name_are_made_ready(tmp_path: Path) -> None:
    for name in ("viostor", "netkvm"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.inf").write_text("[Version]\n")
    wanted = {"name": "old", "target": "/mnt", "drivers": (str(tmp_path / "viostor"), str(tmp_path / "netkvm"))}
    found = wishes_of(Convert.model_validate(wanted), None)
    assert [package.name for package in found.packages] == ["viostor.inf", "netkvm.inf"]
    with pytest.raises(UsageError, match="none is not a folder"):
        wishes_of(Convert.model_validate(wanted | {"drivers": (str(tmp_path / "none"),)}), None)


def arm_disk(folder: Path) -> Path:
    """One with a system for another architecture."""
    arm = tree(folder / "arm-tree", OLD_RELEASE + "=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n")
    (arm / "bin").mkdir()
    (arm / "bin/sh").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00")
    ext4(folder / "arm-root", arm, 24)
    gpt(folder / "arm.img", [("L", folder / "arm-root")])
    return folder / "arm.img"


def test_what_only_repairs_need_does_not_stand_against_a_conversion_without_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hibernated = tmp_path / "windows.img"
    gpt(hibernated, [("L", make_volume(tmp_path / "windows", "win10", more={"hiberfil.sys": b"HIBR" + bytes(8188)}))])
    empty = make_disk(tmp_path, "gpt", ["swap"])
    host = Sshd(tmp_path / "host/ssh", receiver(tmp_path / "host"))
    login = {"host_key": host.fingerprint, "identity": str(host.key)}
    try:
        for disk, said in ((arm_disk(tmp_path), "aarch64"), (hibernated, "hibernates"), (empty, "")):
            for target, more in ((str(tmp_path / "to"), {}), (host.to, login)):
                wanted = {"name": "old", "target": target, "source": ({"path": str(disk)},)} | more
                kept = conversion_to(Convert.model_validate(wanted | {"repair": False}), None, SystemRunner()).preflight()
                assert not kept.refused, kept.as_text()
                assert any(one.severity is Severity.WARNING and said in one.text for one in kept.findings), kept.as_text()
                assert "it can be repaired" not in kept.as_text()
                assert all(one.as_json()["repairs"] == [] for one in kept.systems.reports)
                assert conversion_to(Convert.model_validate(wanted), None, SystemRunner()).preflight().refused
    finally:
        host.stop()
    assert main(["preflight", str(tmp_path / "arm.img"), "--to", str(tmp_path), "--no-repair"]) == 0
    assert "WARNING  Old Debian: nothing is repaired" in capsys.readouterr().out


def test_a_kernel_that_will_not_boot_is_no_good_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    menu = "".join(f"menuentry {one} {{\n  linux /boot/vmlinuz-{one} root=/dev/sda1\n}}\n" for one in ("5.10.0", "4.4-own"))
    described = OLD_RELEASE + "=== /bin/sh\n%elf\n=== /etc/fstab\n/dev/sda1 / ext4 x 0 1\n=== /boot/grub/grub.cfg\n" + menu
    for version, builtin in (("5.10.0", "kernel/drivers/block/virtio_blk.ko\n"), ("4.4-own", "")):
        described += f"=== /boot/vmlinuz-{version}\nx\n=== /lib/modules/{version}/modules.dep\n"
        described += f"=== /lib/modules/{version}/modules.builtin\n{builtin}"
    ext4(tmp_path / "root", tree(tmp_path / "t", described), 24)
    gpt(tmp_path / "old.img", [("L", tmp_path / "root")])
    assert main(["preflight", str(tmp_path / "old.img"), "--to", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "GOOD     Old Debian: it can be repaired" not in said
    assert "WARNING  Old Debian: it can be repaired, but its kernel 4.4-own has no driver for virtual disks" in said, said


def test_a_key_that_the_tpm_keeps_is_told_whatever_passphrase_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    word = tmp_path / "word"
    word.write_text("correct horse\n")
    (tmp_path / "key").write_text("correct horse")
    closed = tmp_path / "closed"
    with closed.open("wb") as file:
        file.truncate(20 * MIB)
    quick = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--batch-mode", "--key-file", tmp_path / "key"]
    run("cryptsetup", "luksFormat", "--type", "luks2", *quick, closed)
    token = {"type": "clevis", "keyslots": ["0"], "jwe": {"protected": "eyJjbGV2aXMiOnsicGluIjoidHBtMiJ9fQ"}}
    run("cryptsetup", "token", "import", "--json-file", "-", closed, stdin=json.dumps(token))
    (tmp_path / "locked").write_bytes(bitlocker(0x0100, 0x0800).ljust(2 * MIB, b"\0"))
    gpt(tmp_path / "old.img", [("L", closed), ("L", tmp_path / "locked")])
    for more in ([], ["--unlock", f"file:{word}"]):
        main(["preflight", str(tmp_path / "old.img"), "--to", str(tmp_path), *more])
        said = capsys.readouterr().out
        assert "partition 1: this machine's TPM (clevis) alone opens it, and stays behind" in said, said
        assert "add a passphrase in the running system first: cryptsetup luksAddKey" in said
        assert "partition 2: this machine's TPM opens it, and stays behind: Windows asks for its recovery key" in said, said
