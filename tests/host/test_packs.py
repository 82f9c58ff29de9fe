"""A pack into a running host: what an installation would have brought, in place of an older version, or nothing at all.

The kernel's part is played here.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.given import Recorder
from tests.host.given import installed
from tests.packs.given import FILES, KERNEL, folder, manifest, module, pack_in, silent
from xeninstall.base.errors import Error
from xeninstall.base.run import CommandError, Completed
from xeninstall.host.packs import add
from xeninstall.host.read import read
from xeninstall.host.settings.packs import HostPack
from xeninstall.host.tree import Tree
from xeninstall.packs.load import System
from xeninstall.packs.model import Pack

ANSWERS = "# the answers\n"
UPDATES = f"usr/lib/modules/{KERNEL}/updates/xeninstall/acme-raid"
LIST = "etc/modules-load.d/xeninstall-acme-raid.conf"
IN_INITRAMFS = "usr/share/initramfs-tools/modules.d/xeninstall-acme-raid"
INITRAMFS = ("update-initramfs", "-u", "-k", "all")


@pytest.fixture
def system(tmp_path: Path) -> System:
    root, sys = tmp_path / "host", tmp_path / "sys"
    for path in (root, sys / "block/sda", sys / "class/net/lo"):
        path.mkdir(parents=True)
    installed(root)
    return System(root, sys, KERNEL)


def opened(place: Path, files: dict[str, bytes] = FILES, **changes: object) -> Pack:
    """A pack whose tree stays."""
    source = folder(place, files, manifest(files, **changes).text())
    return replace(pack_in(source, place.with_name("read")), place=source)


def has(system: System) -> tuple[HostPack, ...]:
    return read(Tree(system.root)).packs


def loaded(pack: Pack, system: System, runner: Recorder | None = None) -> Recorder:
    """Load it over what there is."""
    runner = runner or Recorder()
    before = next((one for one in has(system) if one.name == pack.manifest.name), None)
    add(pack, before, ANSWERS, runner, silent, system)
    return runner


def text(system: System, path: str) -> str:
    return (system.root / path).read_text()


def test_it_is_loaded_now_and_at_every_boot_by_the_initramfs_too(tmp_path: Path, system: System) -> None:
    runner = loaded(opened(tmp_path / "pack"), system)
    assert (system.root / UPDATES / "raid.ko").is_file()
    assert text(system, LIST).endswith("\nraid\n") and text(system, IN_INITRAMFS).endswith("\nraid\n")
    assert ("modprobe", "raid") in runner.ran and runner.ran[-1] == INITRAMFS
    assert text(system, "etc/xeninstall/answers.toml") == ANSWERS
    (one,) = has(system)
    assert (one.title, one.kernel, one.signed_by) == ("acme-raid 1.2", KERNEL, "nobody: it is unsigned")


def test_one_without_drivers_leaves_the_initramfs(tmp_path: Path, system: System) -> None:
    runner = loaded(opened(tmp_path / "pack", {"templates/small.toml": b"x = 1\n"}, kernel=None), system)
    assert INITRAMFS not in runner.ran and not (system.root / LIST).exists()
    assert has(system)[0].kernel == ""


def test_another_version_takes_the_place_of_the_older_one(tmp_path: Path, system: System) -> None:
    two = FILES | {"modules/old.ko": module()}
    loaded(opened(tmp_path / "one", two), system)
    assert (system.root / UPDATES / "old.ko").is_file()
    runner = loaded(opened(tmp_path / "two", version="1.3", load=()), system)
    assert not (system.root / UPDATES / "old.ko").exists() and (system.root / UPDATES / "raid.ko").is_file()
    assert not (system.root / LIST).exists() and not (system.root / IN_INITRAMFS).exists()
    assert runner.ran[-2:] == [("depmod", "--all", KERNEL), INITRAMFS]
    assert [one.title for one in has(system)] == ["acme-raid 1.3"]


def test_what_cannot_be_loaded_leaves_the_version_that_was_there(tmp_path: Path, system: System) -> None:
    loaded(opened(tmp_path / "one"), system)
    before = {path: path.read_bytes() for path in system.root.rglob("*") if path.is_file()}
    wrong = opened(tmp_path / "two", FILES | {"modules/raid.ko": module() + b"2", "modules/x.ko": module()}, version="1.3")
    refused = Completed(("modprobe",), 1, "", "modprobe: ERROR: Key was rejected by service\n")
    with pytest.raises(Error, match="the module raid cannot be loaded: Key was rejected by service"):
        loaded(wrong, system, Recorder(lambda argv: refused if argv[0] == "modprobe" else None))
    assert {path: path.read_bytes() for path in system.root.rglob("*") if path.is_file()} == before


def test_an_initramfs_that_cannot_be_made_is_said_and_the_pack_is_known(tmp_path: Path, system: System) -> None:
    def full(argv: tuple[str, ...]) -> BaseException | None:
        return CommandError(argv, 1, "no room") if argv == INITRAMFS else None

    with pytest.raises(Error) as caught:
        loaded(opened(tmp_path / "pack"), system, Recorder(full))
    assert caught.value.message.startswith("acme-raid 1.2 is loaded and kept, but the next start does not know of it yet: ")
    assert caught.value.hint == "mend that, then run: update-initramfs -u -k all"
    assert has(system) and text(system, "etc/xeninstall/answers.toml") == ANSWERS


def test_while_a_change_waits_nothing_is_loaded(tmp_path: Path, system: System) -> None:
    waiting = system.root / "var/lib/xeninstall/undo/pending"
    waiting.parent.mkdir(parents=True)
    waiting.write_text('{"boot": "x", "uptime": 1, "topics": ["network"]}')
    (system.root / "proc/sys/kernel/random").mkdir(parents=True)
    (system.root / "proc/sys/kernel/random/boot_id").write_text("y\n")
    runner = Recorder()
    with pytest.raises(Error, match="a change of the network still waits to be confirmed"):
        loaded(opened(tmp_path / "pack"), system, runner)
    assert not runner.ran and not has(system)


def test_one_that_cannot_be_read_is_listed_all_the_same(system: System) -> None:
    place = system.root / "var/lib/xeninstall/packs/broken"
    place.mkdir(parents=True)
    (place / "pack.toml").write_text("nothing =")
    (place / "record.toml").write_text("neither =")
    (one,) = has(system)
    assert (one.title, one.manifest, one.signed_by, one.kernel) == ("broken", None, "", "")


def test_packs_that_answers_pin_and_packs_of_the_host_are_compared(tmp_path: Path, system: System) -> None:
    pack = opened(tmp_path / "pack")
    kept = system.root / "etc/xeninstall/answers.toml"
    answers = kept.read_text()
    loaded(pack, system)

    def drift(packs: str) -> list[tuple[str, object, object]]:
        kept.write_text(answers + packs)
        return [(one.key, one.kept, one.found) for one in read(Tree(system.root)).drift]

    assert drift(f'[[packs]]\nsource = "/dev/sdb1"\nsha256 = "{pack.digest}"\n') == []
    assert drift('[[packs]]\nsource = "/dev/sdb1"\n') == [], "which one that is, nobody knows"
    assert drift("") == [("packs", "", "acme-raid 1.2")]
    other = f'[[packs]]\nsource = "/dev/sdc1"\nsha256 = "{"1" * 64}"\n'
    assert drift(other) == [("packs", "/dev/sdc1", ""), ("packs", "", "acme-raid 1.2")]
