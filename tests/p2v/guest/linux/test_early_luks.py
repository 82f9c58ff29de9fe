"""With dracut, the kernel's command line names the encrypted volume that the root is in, and no other."""

from pathlib import Path

import pytest

from p2v.guest.changes import WriteFile
from p2v.guest.inspect import inspect
from p2v.guest.linux import early_luks
from p2v.guest.model import Hardware, Named
from p2v.guest.tree import RootTree
from tests.p2v.guest.trees import write_tree

_ROOT, _HOME = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-8999-aaaaaaaaaaaa"
_GUEST = """=== /etc/os-release
ID=opensuse-leap
=== /usr/bin/dracut
x
=== /etc/crypttab
cr_root UUID={root} none x-initrd.attach
cr_home UUID={home} none
cr_key UUID={home} /etc/key
=== /etc/fstab
{spec} / ext4 defaults 0 1
/dev/mapper/cr_home /home ext4 defaults 0 2
=== /boot/grub2/grub.cfg
menuentry x {{
	linux /boot/vmlinuz-1 root={spec} quiet{words}
	initrd /boot/initrd-1
}}
"""
_VOLUMES = (
    Named(0, "luks", 2, _ROOT),
    Named(0, "luks", 3, _HOME),
    Named(0, "ext", -1, "abcd", within=_ROOT),
    Named(0, "ext", -1, "ef01", within=_HOME),
    Named(0, "ext", 0, "2345", group="vg", logical="my-root", within=_ROOT),
)


def _planned(folder: Path, spec: str, words: str = "") -> list[str]:
    write_tree(_GUEST.format(root=_ROOT, home=_HOME, spec=spec, words=words), folder)
    tree = RootTree(folder)
    changes = early_luks.REPAIR.plan(inspect(tree, Hardware(_VOLUMES)), tree).changes
    tree.close()
    return [
        line
        for change in changes
        if isinstance(change, WriteFile)
        for line in change.data.decode().split("\n")
        if "root=" in line
    ]


@pytest.mark.parametrize("spec", ["/dev/mapper/cr_root", "UUID=abcd", "/dev/vg/my-root", "/dev/mapper/vg-my--root"])
def test_the_root_s_volume_is_named(tmp_path: Path, spec: str) -> None:
    (line,) = _planned(tmp_path, spec)
    assert line.endswith(f"quiet rd.luks.name={_ROOT}=cr_root")


@pytest.mark.parametrize(("spec", "words"), [("UUID=abcd", f" rd.luks.uuid=luks-{_ROOT}"), ("UUID=9999", "")])
def test_what_is_named_already_or_not_encrypted_stays(tmp_path: Path, spec: str, words: str) -> None:
    assert _planned(tmp_path, spec, words) == []
