"""Any source becomes a directory of ours: directories, file systems on devices and in files; and what is no pack says so."""

import errno
import os
import socket
import subprocess
from pathlib import Path

import pytest

from xeninstall.base.errors import Error
from xeninstall.packs.errors import PackError
from xeninstall.packs.read import read, shown_source, split

from .given import FILES, RUNNER, folder, member, module, pack_in, refusal, silent, tar_of

NO_PACK = "a pack has a pack.toml at its top, or is a directory of .ko and .deb files"


def fat(place: Path, *sources: Path) -> Path:
    image = place / "stick.img"
    subprocess.run(["mkfs.vfat", "-C", image, "8192"], check=True, capture_output=True)
    subprocess.run(["mcopy", "-s", "-i", image, *sources, "::/"], check=True)
    return image


def iso(place: Path, source: Path, *options: str) -> Path:
    image = place / "disc.iso"
    argv = ["xorriso", "-as", "mkisofs", "-quiet", *options, "-o", str(image), str(source)]
    subprocess.run(argv, check=True, capture_output=True)
    return image


def test_a_directory_is_read(tmp_path: Path) -> None:
    assert set(pack_in(folder(tmp_path / "pack"), tmp_path / "place").manifest.files) == set(FILES)


def test_a_fat_stick_is_read_beside_what_else_lies_on_it(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    (source / "holiday.jpg").write_bytes(b"not ours")
    image = fat(tmp_path, *source.iterdir())
    assert set(pack_in(image, tmp_path / "place").manifest.files) == set(FILES)


@pytest.mark.parametrize("options", [("-R",), ("-R", "-J"), ("-J", "-joliet-long"), ("-iso-level", "4", "-U")])
def test_an_iso_is_read_by_rock_ridge_or_joliet_or_its_own_names(tmp_path: Path, options: tuple[str, ...]) -> None:
    source = folder(tmp_path / "pack")
    (source / "README").write_bytes(b"not ours")
    assert set(pack_in(iso(tmp_path, source, *options), tmp_path / "place").manifest.files) == set(FILES)


@pytest.mark.root
def test_an_ext4_image_is_mounted_and_released(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    subprocess.run(["mkfs.ext4", "-q", "-d", folder(tmp_path / "pack"), image, "8M"], check=True, capture_output=True)
    assert set(pack_in(image, tmp_path / "place").manifest.files) == set(FILES)
    assert "xeninstall-medium" not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.root
def test_links_and_devices_on_a_mounted_file_system_are_refused(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    (source / "firmware/secret").symlink_to("/etc/shadow")
    image = tmp_path / "disk.img"
    subprocess.run(["mkfs.ext4", "-q", "-d", source, image, "8M"], check=True, capture_output=True)
    assert refusal(image, tmp_path / "place").startswith("firmware/secret is a link; a pack holds plain files only")


def test_a_link_in_a_rock_ridge_iso_is_refused(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    (source / "firmware/secret").symlink_to("/etc/shadow")
    assert refusal(iso(tmp_path, source, "-R"), tmp_path / "place").startswith("firmware/secret is a link")


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "set-uid"])
def test_hostile_files_in_a_directory_are_refused(tmp_path: Path, kind: str) -> None:
    source = folder(tmp_path / "pack")
    strange = source / "firmware/x"
    match kind:
        case "link":
            strange.symlink_to("acme/raid.bin")
        case "pipe":
            os.mkfifo(strange)
        case "socket":
            here = os.open(source / "firmware", os.O_RDONLY)  # a socket's path is short, a test's directory is not
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(f"/proc/self/fd/{here}/x")
            os.close(here)
        case _:
            strange.write_bytes(b"")
            strange.chmod(0o4755)
    said = refusal(source, tmp_path / "place")
    assert said.startswith("firmware/x is a ") or "somebody else's rights" in said


def test_several_packs_on_a_medium_have_to_be_told_apart(tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    packs.mkdir()
    folder(packs / "one")
    archive = tmp_path / "two.tar"
    subprocess.run(["tar", "-C", folder(tmp_path / "two"), "-cf", archive, "."], check=True)
    image = fat(tmp_path, packs, archive)
    assert refusal(image, tmp_path / "place") == f"{image} holds 2 packs -> name one of them: {image}:two.tar, {image}:packs/one"
    for name in ("two.tar", "packs/one"):
        assert set(pack_in(f"{image}:{name}", tmp_path / "place").manifest.files) == set(FILES)
    disc = iso(tmp_path, packs.parent, "-R")
    assert set(pack_in(f"{disc}:packs/one", tmp_path / "place").manifest.files) == set(FILES)
    assert set(pack_in(f"{disc}:two.tar", tmp_path / "place").manifest.files) == set(FILES)


def test_a_bare_directory_becomes_an_unsigned_pack(tmp_path: Path) -> None:
    source = tmp_path / "My drivers_1"
    source.mkdir()
    (source / "raid.ko").write_bytes(module())
    (source / "tool_1_all.deb").write_bytes(b"")
    pack = pack_in(source, tmp_path / "place")
    assert pack.manifest.name == "my-drivers-1"
    assert pack.manifest.kernel == "6.12.57+deb13-amd64"
    assert set(pack.manifest.files) == {"modules/raid.ko", "debs/tool_1_all.deb"}
    assert pack.signature.text == "nobody: it is unsigned"
    assert pack_in(source, tmp_path / "place").digest == pack.digest, "the same files are the same pack"


def test_a_bare_directory_of_two_kernels_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "bare"
    source.mkdir()
    (source / "a.ko").write_bytes(module("6.1.0"))
    (source / "b.ko").write_bytes(module("6.12.0"))
    assert refusal(source, tmp_path / "place").startswith(
        "its modules are for different kernels: a.ko for 6.1.0 and b.ko for 6.12.0"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no pack: neither an archive nor a file system"),
        (b"#!/bin/sh\n" * 100, "is no pack: neither an archive nor a file system"),
        (bytes(100_000), "is no pack: neither an archive nor a file system"),
    ],
)
def test_a_file_that_is_no_pack_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert said in refusal(path, tmp_path / "place")


def test_other_things_that_are_no_packs(tmp_path: Path) -> None:
    place, empty = tmp_path / "place", tmp_path / "empty"
    empty.mkdir()
    assert refusal(empty, place) == f"this is no pack: it is empty -> {NO_PACK}"
    (empty / "README").touch()
    assert refusal(empty, place) == f"this is no pack: it has no pack.toml, and holds README -> {NO_PACK}"
    assert refusal(fat(tmp_path, empty / "README"), place) == f"there is no pack on {tmp_path}/stick.img -> {NO_PACK}"
    archive = tar_of(tmp_path / "x.tar", (member("bin/sh"), b"x"))
    assert refusal(archive, place) == f"this is no pack: it has no pack.toml, and holds bin -> {NO_PACK}"
    assert refusal(tmp_path / "gone", place) == f"there is no {tmp_path}/gone -> look at its name"
    assert refusal("/dev/sr99", place) == "there is no /dev/sr99 -> insert the medium, and give the command again"
    assert refusal("/dev/null", place) == "/dev/null is neither a file, a directory nor a disk -> name where the pack is"
    assert refusal("ftp://example.org/x", place).startswith("ftp://example.org/x: packs come by http and https")


def test_a_drive_without_a_disc_is_no_mystery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drive of ours can be empty here: what opening one says is played."""
    drive = tmp_path / "sr0"
    drive.touch()

    def open_(self: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOMEDIUM, "No medium found", str(self))

    monkeypatch.setattr(Path, "open", open_)
    said = refusal(drive, tmp_path / "place")
    assert said == f"{drive} holds no medium that can be read -> insert it, and give the command again"


@pytest.mark.root
def test_no_room_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True)
    try:
        source = folder(tmp_path / "pack", {"firmware/big": os.urandom(200_000)})
        assert refusal(source, place).startswith(f"there is no room for the pack in {place} -> ")
        subprocess.run(["tar", "-C", source, "-cf", tmp_path / "p.tar", "."], check=True)
        subprocess.run(["zstd", "-q", tmp_path / "p.tar", "-o", tmp_path / "p.tar.zst"], check=True)
        assert refusal(tmp_path / "p.tar.zst", place).startswith(f"there is no room for the pack in {place} -> ")
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_devices_name_may_hold_colons_itself(tmp_path: Path) -> None:
    (tmp_path / "pci-0000:00:1f.2").touch()
    name = f"{tmp_path}/pci-0000:00:1f.2"
    assert split(name) == (Path(name), "")
    assert split(f"{name}:packs/x/") == (Path(name), "packs/x")
    assert split("/gone:x") == (Path("/gone:x"), "")


def test_a_source_is_shown_without_what_may_be_secret() -> None:
    shown = shown_source("https://user:secret@example.org:8443/p.tar?token=secret#x")
    assert shown == "https://example.org:8443/p.tar"


def test_an_error_of_another_kind_passes_through(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="other"), read(str(folder(tmp_path / "p")), RUNNER, silent, tmp_path):
        raise OSError(errno.EBUSY, "other")
    assert issubclass(PackError, Error)
