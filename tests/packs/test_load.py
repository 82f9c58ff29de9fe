"""Loading: files where kernel and firmware loader look first, modules, what appeared; and nothing left behind by a failure.

The kernel's part is played here; tests/system/test_packs.py has a real one.
"""

from pathlib import Path

import pytest

from tests.given import Recorder
from xeninstall.base.events import Event, Note
from xeninstall.base.run import Completed
from xeninstall.packs.errors import PackError, WrongKernel
from xeninstall.packs.load import System, load
from xeninstall.packs.model import Pack

from .given import FILES, KERNEL, folder, manifest, pack_in

UPDATES = f"usr/lib/modules/{KERNEL}/updates/xeninstall/acme-raid"


@pytest.fixture
def system(tmp_path: Path) -> System:
    root, sys = tmp_path / "root", tmp_path / "sys"
    for path in (root, sys / "block/sda", sys / "class/net/lo"):
        path.mkdir(parents=True)
    return System(root, sys, KERNEL)


def opened(place: Path, files: dict[str, bytes] = FILES, **changes: object) -> Pack:
    """A pack whose tree stays."""
    source = folder(place / "pack", files, manifest(files, **changes).text())
    pack = pack_in(source, place / "place")
    return Pack(pack.manifest, source, pack.digest, pack.signature, pack.source)


def run(pack: Pack, system: System, play: dict[str, Completed], appear: tuple[str, ...] = ()) -> tuple[Recorder, list[Event]]:
    events: list[Event] = []

    def answer(argv: tuple[str, ...]) -> Completed | None:
        if argv[0] == "modprobe":
            for path in appear:
                (system.sys / path).mkdir(exist_ok=True)
        return play.get(argv[0])

    runner = Recorder(answer)
    done = load(pack, runner, events.append, system)
    assert done.disks == tuple(path.rpartition("/")[2] for path in appear if path.startswith("block/"))
    assert done.nics == tuple(path.rpartition("/")[2] for path in appear if path.startswith("class/"))
    return runner, events


def failed(said: str) -> Completed:
    return Completed(("modprobe",), 1, "", f"modprobe: ERROR: {said}\n")


def files(system: System) -> set[str]:
    return {str(path.relative_to(system.root)) for path in system.root.rglob("*") if path.is_file()}


def test_files_are_put_where_they_are_found_first(tmp_path: Path, system: System) -> None:
    runner, _ = run(opened(tmp_path), system, {}, ("block/sdb", "class/net/eth0"))
    assert files(system) == {
        f"{UPDATES}/raid.ko",
        "usr/lib/firmware/updates/acme/raid.bin",
        "var/lib/xeninstall/templates/acme-raid/small.toml",
        "var/lib/xeninstall/packs/acme-raid/pack.toml",
    }
    assert runner.ran == [("depmod", "--all", KERNEL), ("modprobe", "raid"), ("udevadm", "settle", "--timeout=20")]


def test_only_the_named_modules_are_loaded(tmp_path: Path, system: System) -> None:
    runner, _ = run(opened(tmp_path, load=()), system, {})
    assert "modprobe" not in runner.programs()
    assert "udevadm" not in runner.programs(), "nothing was loaded that could bring a device"


def test_packages_are_installed_by_apt_without_the_network_and_their_files_go(tmp_path: Path, system: System) -> None:
    debs = {"debs/tool_1_all.deb": b"deb", "debs/lib_2_all.deb": b"deb"}
    runner, events = run(opened(tmp_path, debs, kernel=None), system, {})
    (argv,) = runner.ran
    assert argv[2:4] == ("apt-get", "install")
    assert "Dir::Etc::SourceList=/dev/null" in argv
    place = "/var/lib/xeninstall/packs/acme-raid/debs"
    assert argv[-2:] == (f"{place}/lib_2_all.deb", f"{place}/tool_1_all.deb")
    assert files(system) == {"var/lib/xeninstall/packs/acme-raid/pack.toml"}
    assert Note("installing 2 packages") in events


def test_packages_that_lack_something_say_so(tmp_path: Path, system: System) -> None:
    said = (" tool : Depends: nowhere but it is not installable\n", "E: Unable to correct problems\n")
    with pytest.raises(PackError) as caught:
        run(opened(tmp_path, {"debs/tool_1_all.deb": b""}, kernel=None), system, {"env": Completed(("env",), 100, *said)})
    assert caught.value.message.startswith("the packages of acme-raid 1.2 cannot be installed: ")
    assert "Depends: nowhere" in caught.value.message
    assert caught.value.hint == "the pack has to bring everything that they need"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("could not insert 'raid': Key was rejected by service", "with Secure Boot the kernel takes signed modules alone"),
        ("could not insert 'raid': Exec format error", "it was built for another kernel"),
        ("could not insert 'raid': Unknown symbol in module", "it needs another module"),
        ("could not insert 'raid': Invalid argument", "see dmesg"),
    ],
)
def test_a_module_that_cannot_be_loaded_leaves_nothing_behind(tmp_path: Path, system: System, said: str, hint: str) -> None:
    with pytest.raises(PackError) as caught:
        run(opened(tmp_path), system, {"modprobe": failed(said)})
    assert caught.value.message == f"the module raid cannot be loaded: {said}"
    assert caught.value.hint.startswith(hint)
    assert files(system) == set()


def test_a_driver_without_its_device_is_no_failure(tmp_path: Path, system: System) -> None:
    _, events = run(opened(tmp_path), system, {"modprobe": failed("could not insert 'raid': No such device")})
    assert Note("the module raid finds no device of its kind in this machine", warning=True) in events
    assert f"{UPDATES}/raid.ko" in files(system)


def test_another_kernels_modules_are_refused_before_anything_is_done(tmp_path: Path, system: System) -> None:
    with pytest.raises(WrongKernel):
        load(opened(tmp_path), Recorder(), lambda event: None, System(system.root, system.sys, "6.1.0"))
    assert files(system) == set()


def test_what_changed_since_it_was_checked_is_not_loaded(tmp_path: Path, system: System) -> None:
    pack = opened(tmp_path)
    (pack.place / "modules/raid.ko").write_bytes(b"something else")
    with pytest.raises(PackError) as caught:
        run(pack, system, {})
    assert caught.value.message == "modules/raid.ko changed since the pack was read"
    assert files(system) == set()


def test_a_module_that_is_loaded_already_is_not_passed_off_as_the_packs(tmp_path: Path, system: System) -> None:
    (system.sys / "module/raid").mkdir(parents=True)
    runner, events = run(opened(tmp_path), system, {})
    assert "modprobe" not in runner.programs()
    assert [event.text for event in events if isinstance(event, Note) and event.warning] == [
        "the module raid was loaded before, from elsewhere perhaps; the pack's own is taken at the next boot"
    ]
