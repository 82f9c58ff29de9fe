"""Packs in the plan: in the host before its initramfs is made, which is then built and not extended."""

import tomllib
from typing import TypeVar

import pytest

from tests.given import SYSTEM, actions, files, image_plan, pack
from xeninstall.base.errors import ExitCode
from xeninstall.plan.check import Refused
from xeninstall.plan.model import ExtendInitramfs, InstallPack, Plan, RebuildInitramfs, RunInHost

_GERMAN = '[keyboard]\nlayout = "de"\n'


T = TypeVar("T")


def of_kind(plan: Plan, kind: type[T]) -> list[T]:
    return [action for action in actions(plan) if isinstance(action, kind)]


def test_a_plan_without_packs_is_what_it_was() -> None:
    assert not of_kind(image_plan(_GERMAN), InstallPack | RebuildInitramfs)  # type: ignore[arg-type]
    assert of_kind(image_plan(_GERMAN), ExtendInitramfs)


def test_a_driver_is_in_place_before_the_initramfs_is_built_with_it() -> None:
    plan = image_plan(_GERMAN, packs=(pack(),))
    order = [type(action) for action in actions(plan)]
    depmod = next(number for number, action in enumerate(actions(plan)) if getattr(action, "argv", ())[:1] == ("depmod",))
    assert order.index(InstallPack) < depmod < order.index(RebuildInitramfs)
    (rebuilt,) = of_kind(plan, RebuildInitramfs)
    assert rebuilt.modules == ("raid",)
    assert rebuilt.path == f"/boot/initrd.img-{SYSTEM.kernel}"
    assert not of_kind(plan, ExtendInitramfs), "keyboard and mirror come along when it is built"


def test_its_modules_are_loaded_by_the_initramfs_and_at_every_boot() -> None:
    written = files(image_plan(packs=(pack(),)))
    for path in ("/etc/modules-load.d/xeninstall-acme-raid.conf", "/usr/share/initramfs-tools/modules.d/xeninstall-acme-raid"):
        assert written[path].splitlines()[1:] == ["raid"]


def test_modules_that_shall_not_be_loaded_are_only_there() -> None:
    plan = image_plan(packs=(pack(load=()),))
    assert not [path for path in files(plan) if "modules-load.d" in path]
    assert of_kind(plan, RebuildInitramfs)[0].modules == ()


def test_the_record_says_that_modules_are_for_one_kernel() -> None:
    text = files(image_plan(packs=(pack(),)))["/var/lib/xeninstall/packs/acme-raid/record.toml"]
    assert f"Its modules are for the kernel {SYSTEM.kernel} alone." in text
    assert tomllib.loads(text)["signed_by"] == f"Acme packs (SHA256:{'x' * 43})"
    other = pack(files={"templates/x": "1" * 64}, kernel=None)
    assert "kernel" not in files(image_plan(packs=(other,)))["/var/lib/xeninstall/packs/acme-raid/record.toml"]


@pytest.mark.parametrize(("path", "built"), [("templates/x", False), ("firmware/x", True), ("debs/x.deb", True)])
def test_the_initramfs_is_built_only_where_it_can_differ(path: str, built: bool) -> None:
    plan = image_plan(_GERMAN, packs=(pack(files={path: "1" * 64}, kernel=None),))
    assert bool(of_kind(plan, RebuildInitramfs)) is built
    assert bool(of_kind(plan, ExtendInitramfs)) is not built
    assert not [one for one in of_kind(plan, RunInHost) if one.argv[0] == "depmod"]


def test_a_pack_for_another_kernel_is_refused_before_anything_is_written() -> None:
    with pytest.raises(Refused) as caught:
        image_plan(packs=(pack(kernel="6.1.0-1-amd64"),))
    assert caught.value.exit_code == ExitCode.REQUIREMENTS
    (finding,) = caught.value.findings
    assert finding.what == f"packs: acme-raid 1.2 has modules for the kernel 6.1.0-1-amd64, and this one is {SYSTEM.kernel}"
    assert finding.remedy == f"get the pack that was made for {SYSTEM.kernel}"


def test_another_pack_is_another_plan() -> None:
    one, other = image_plan(packs=(pack(),)), image_plan(packs=(pack(version="1.3"),))
    assert one.digest() != other.digest()
    assert one.digest() == image_plan(packs=(pack(),)).digest()
