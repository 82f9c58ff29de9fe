"""A pack into the host: copied and compared, its packages by the host's apt, its modules found in the initramfs."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.apply.played import Host
from tests.given import SYSTEM
from tests.packs.given import FILES, KERNEL, folder, manifest, pack_in
from xeninstall.apply import target, unpack
from xeninstall.base.errors import Error
from xeninstall.base.run import Completed
from xeninstall.packs.model import Pack

_FILES = {**FILES, "debs/tool_1_all.deb": b"deb"}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """An installation with a pack, whose programs are played."""
    monkeypatch.setattr(target, "STATE", tmp_path / "state")
    monkeypatch.setattr(target, "populate", lambda *_: None)
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert SYSTEM.kernel == KERNEL
    source = folder(tmp_path / "pack", _FILES, manifest(_FILES).text())
    pack = pack_in(source, tmp_path / "place")
    made = Host(tmp_path / "host", '[keyboard]\nlayout = "de"\n')
    made.packs = (Pack(pack.manifest, source, pack.digest, pack.signature, pack.source),)
    monkeypatch.setattr(unpack, "os", SimpleNamespace(statvfs=made.statvfs))
    return made


def test_everything_is_in_place_and_verified(host: Host) -> None:
    host.run()
    tree = host.tree()
    assert tree[f"usr/lib/modules/{KERNEL}/updates/xeninstall/acme-raid/raid.ko"] == FILES["modules/raid.ko"]
    assert tree["usr/lib/firmware/updates/acme/raid.bin"] == b"firmware"
    assert tree["var/lib/xeninstall/templates/acme-raid/small.toml"] == b"x = 1\n"
    assert {"pack.toml", "record.toml"} == {
        path.rpartition("/")[2] for path in tree if path.startswith("var/lib/xeninstall/packs/")
    }
    inside = [argv[2:] for argv in host.runner.ran if argv[0] == "chroot"]
    names = [argv[0] if argv[0] != "env" else argv[2] for argv in inside]
    assert names.index("apt-get") < names.index("depmod") < names.index("update-initramfs") < names.index("lsinitramfs")
    assert not [argv for argv in inside if "--setup-dir" in argv], "the keyboard comes along when the initramfs is built"
    assert "usr/sbin/policy-rc.d" not in tree


def test_packages_that_cannot_be_installed_say_what_is_lacking(host: Host) -> None:
    said = " tool : Depends: nowhere but it is not installable\n"
    host.disturb = lambda argv: Completed(argv, 100, said, "E: Unable to correct problems") if "apt-get" in argv else None
    with pytest.raises(Error) as caught:
        host.run()
    assert caught.value.message.startswith("the packages of acme-raid 1.2 cannot be installed: tool : Depends: nowhere")
    host.disturb = lambda argv: None
    host.run(resume=True)
    assert host.released


def test_a_module_that_did_not_get_into_the_initramfs_is_named(host: Host) -> None:
    host.disturb = lambda argv: Completed(argv, 0, "usr/lib/modules/x/other.ko\n", "") if "lsinitramfs" in argv else None
    with pytest.raises(Error) as caught:
        host.run()
    assert caught.value.message == f"the module raid did not get into /boot/initrd.img-{KERNEL}"


def test_a_pack_that_is_gone_or_changed_is_noticed_before_anything_is_written(host: Host) -> None:
    (pack,) = host.packs
    (pack.place / "modules/raid.ko").write_bytes(b"other")
    with pytest.raises(Error) as caught:
        host.run()
    assert caught.value.message == "modules/raid.ko of the pack acme-raid 1.2 is damaged, or gone, since it was read"
    assert not host.target.exists()


def test_what_the_target_loses_of_a_pack_is_noticed(host: Host) -> None:
    def lose(argv: tuple[str, ...]) -> None:
        if "update-grub" in argv:
            (Path(argv[1]) / "usr/lib/firmware/updates/acme/raid.bin").write_bytes(b"rot")

    host.disturb = lose
    with pytest.raises(Error) as caught:
        host.run()
    assert caught.value.message == "/usr/lib/firmware/updates/acme/raid.bin is not as the pack has it"
