"""What was written is compared with what was to be written."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.given import SEED, Recorder, image_plan
from xeninstall.apply.target import Target
from xeninstall.apply.verify import VerifyError, check_filesystem, verify_host
from xeninstall.base.run import Completed
from xeninstall.plan.model import CheckFilesystem, MakeLink, PartitionOf, Plan, Stage, VerifyHost, WriteFile

_UUID = "c87b256e-02ef-500e-a347-1d3c38de050a"
_MENU = f"menuentry 'Debian GNU/Linux, with Xen hypervisor' {{ multiboot2 /boot/xen; root=UUID={_UUID} }}"
_ACTION = VerifyHost(boot_files={"/boot/vmlinuz": hashlib.sha256(b"kernel").hexdigest()}, root_uuid=_UUID)


def _plan() -> Plan:
    written = (
        WriteFile(path="/etc/x", text="first, replaced later"),
        WriteFile(path="/etc/x", text="über\r\n", mode=0o600),
        MakeLink(path="/etc/link", to="/target"),
    )
    return image_plan().model_copy(update={"stages": (Stage(name="a", title="A", actions=written),), "seed": SEED})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "boot/grub").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "boot/vmlinuz").write_bytes(b"kernel")
    (tmp_path / "boot/grub/grub.cfg").write_text(_MENU)
    (tmp_path / "etc/x").write_bytes("über\r\n".encode())
    (tmp_path / "etc/x").chmod(0o600)
    (tmp_path / "etc/link").symlink_to("/target")
    return tmp_path


def _verify(root: Path) -> int:
    stands_in = SimpleNamespace(root=lambda: root, run_in_host=lambda argv: None)
    return verify_host(_ACTION, _plan(), cast("Target", stands_in))


def test_a_host_that_is_as_planned_passes_and_is_counted(root: Path) -> None:
    assert _verify(root) == 1 + 2 + 1


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("boot/vmlinuz", b"kernal", "/boot/vmlinuz arrived damaged: sha256 "),
        ("boot/vmlinuz", None, "/boot/vmlinuz is missing on the installed system"),
        ("etc/x", b"\xff\xfe not text", "/etc/x is not as it was written"),
        ("etc/x", "über\n".encode(), "/etc/x is not as it was written"),
        ("etc/x", None, "/etc/x is not as it was written"),
        ("etc/link", None, "/etc/link is not as it was written"),
        (
            "boot/grub/grub.cfg",
            _MENU.replace("with Xen hypervisor", "").encode(),
            "GRUB's menu lacks Xen, or this root file system",
        ),
        ("boot/grub/grub.cfg", _MENU.replace("c87b", "dead").encode(), "GRUB's menu lacks Xen, or this root file system"),
    ],
)
def test_what_differs_is_named(root: Path, path: str, content: bytes | None, says: str) -> None:
    if content is None:
        (root / path).unlink()
    else:
        (root / path).write_bytes(content)
    with pytest.raises(VerifyError) as caught:
        _verify(root)
    assert caught.value.message.startswith(says)
    assert caught.value.hint


def test_a_changed_mode_is_found(root: Path) -> None:
    (root / "etc/x").chmod(0o644)
    with pytest.raises(VerifyError, match="/etc/x is not as it was written"):
        _verify(root)


@pytest.mark.parametrize(("fstype", "checker"), [("ext4", "e2fsck -f -n /dev/x"), ("vfat", "fsck.vfat -n /dev/x")])
def test_file_systems_are_checked_without_being_mended(fstype: str, checker: str) -> None:
    runner = Recorder(lambda argv: Completed(argv, 4, "Inode 12 is broken\n", ""))
    unmounted: list[bool] = []
    stands_in = SimpleNamespace(unmount=lambda: unmounted.append(True), device=lambda where: "/dev/x")
    action = CheckFilesystem.model_validate({"device": PartitionOf(disk="system", number=3), "fstype": fstype})
    with pytest.raises(VerifyError) as caught:
        check_filesystem(action, cast("Target", stands_in), runner)
    assert caught.value.message == "the file system on /dev/x is damaged right after it was written: Inode 12 is broken"
    assert unmounted and " ".join(runner.ran[0]) == checker
