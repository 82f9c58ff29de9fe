"""Making packs: every form can be read again, equal files give equal bytes, and what does not belong is named."""

import os
import time
from pathlib import Path

import pytest

from xeninstall.base.errors import Error, UsageError
from xeninstall.packs.build import FORMS, Wanted, build
from xeninstall.packs.errors import PackError
from xeninstall.packs.model import Kind, Trust

from .given import FILES, KERNEL, RUNNER, folder, module, new_key, pack_in

WANTED = Wanted("acme-raid", "1.2", Kind.DRIVER)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = folder(tmp_path / "source")
    (made / "pack.toml").unlink()
    return made


@pytest.mark.parametrize("form", ["", *FORMS])
def test_every_form_is_read_again_with_its_signature(tmp_path: Path, source: Path, form: str) -> None:
    path, key = new_key(tmp_path)
    out = tmp_path / f"pack{form}"
    made = build(source, out, WANTED, path, RUNNER)
    pack = pack_in(out, tmp_path / "place", (key,))
    assert pack.manifest == made
    assert pack.manifest.kernel == KERNEL, "as the modules say"
    assert pack.signature.trust is Trust.TRUSTED
    assert set(pack.manifest.files) == set(FILES)


@pytest.mark.parametrize("form", [".tar", ".tar.gz", ".tar.xz", ".tar.zst", ".iso"])
def test_equal_files_give_equal_bytes(tmp_path: Path, source: Path, form: str) -> None:
    build(source, tmp_path / f"one{form}", WANTED, None, RUNNER)
    for path in source.rglob("*"):
        os.utime(path, (1, 1))
    time.sleep(1.1 if form == ".iso" else 0)  # its volume has dates of whole seconds
    build(source, tmp_path / f"two{form}", WANTED, None, RUNNER)
    assert (tmp_path / f"one{form}").read_bytes() == (tmp_path / f"two{form}").read_bytes()


def test_links_between_firmware_files_become_files(tmp_path: Path, source: Path) -> None:
    (source / "firmware/acme/raid-v2.bin").symlink_to("raid.bin")
    made = build(source, tmp_path / "pack", WANTED, None, RUNNER)
    assert made.files["firmware/acme/raid-v2.bin"] == made.files["firmware/acme/raid.bin"]
    assert not [path for path in (tmp_path / "pack").rglob("*") if path.is_symlink()]


def test_loose_modules_and_packages_find_their_place(tmp_path: Path) -> None:
    source = tmp_path / "loose"
    source.mkdir()
    (source / "raid.ko").write_bytes(module())
    (source / "tool_1_all.deb").write_bytes(b"")
    made = build(source, tmp_path / "pack", WANTED, None, RUNNER)
    assert set(made.files) == {"modules/raid.ko", "debs/tool_1_all.deb"}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda at: (at / "firmware/x").symlink_to("/etc/hostname"), "firmware/x leads out of"),
        (lambda at: os.mkfifo(at / "firmware/x"), "firmware/x is neither a file nor a directory"),
        (lambda at: (at / "notes.txt").touch(), "notes.txt does not belong into a pack"),
        (lambda at: (at / "modules/old.ko").write_bytes(module("6.1.0")), "was built for the kernel 6"),
        (lambda at: (at / "modules/x.ko").write_bytes(b"x"), "x.ko is no kernel module"),
        (lambda at: (at / "debs").mkdir() or (at / "debs/x.rpm").touch(), "debs/x.rpm is no Debian package"),
    ],
)
def test_what_cannot_be_in_a_pack_is_named(tmp_path: Path, source: Path, spoil: object, said: str) -> None:
    spoil(source)  # type: ignore[operator]
    with pytest.raises(Error) as caught:
        build(source, tmp_path / "pack.tar", WANTED, None, RUNNER)
    assert said in caught.value.message
    assert caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"], "nothing half-made is left"


def test_wrong_wishes_are_named(tmp_path: Path, source: Path) -> None:
    (tmp_path / "there").touch()
    cases = [
        (source, tmp_path / "there", WANTED, "exists"),
        (tmp_path / "gone", tmp_path / "new", WANTED, "is no directory"),
        (source, tmp_path / "new.zip", WANTED, "new.zip is of no form that a pack has"),
        (source, tmp_path / "new", Wanted("Acme!", "1", Kind.DRIVER), "name: String should match"),
        (
            source,
            tmp_path / "new",
            Wanted("acme", "1", Kind.DRIVER, load=("other",)),
            "load names other, which is not in modules/",
        ),
    ]
    for at, out, wanted, said in cases:
        with pytest.raises(UsageError) as caught:
            build(at, out, wanted, None, RUNNER)
        assert said in caught.value.message
    with pytest.raises(PackError) as other:
        build(source, tmp_path / "new", Wanted("acme", "1", Kind.DRIVER, kernel="6.1"), None, RUNNER)
    assert other.value.message == f"raid.ko was built for the kernel {KERNEL}, not for 6.1"
