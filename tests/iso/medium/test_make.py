"""The stages as a whole: done once for the same inputs, and plain about what is missing."""

import shutil
from pathlib import Path

import pytest

from iso import inputs
from iso.builder import Build, BuildError
from iso.medium import image, make
from iso.medium.parts import Parts
from tests.iso.fake import build_in
from tests.system.installer import REPOSITORY

from .small import BOOT


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A project with a host's image, whose Debian parts and layer are made by a wave of the hand."""
    build = build_in(tmp_path)
    shutil.copytree(REPOSITORY / "iso/boot", build.source / "iso/boot")
    shutil.copytree(REPOSITORY / "iso/medium", build.source / "iso/medium")
    (build.source / "iso/live").mkdir()
    (build.output / inputs.IMAGE).write_bytes(b"system")
    (build.output / inputs.DESCRIPTION).write_text('{"packages": {"bash": "5.2", "tmux": "3.5"}}')
    inputs.base_tree(build.output, build.source).mkdir(parents=True)

    def parts(build: Build, _base: Path, parts: Parts) -> None:
        parts.boot.mkdir(parents=True, exist_ok=True)
        for name, data in {**BOOT, "vmlinuz": b"linux", "initrd.img": b"root", "netboot.img": b"net"}.items():
            (parts.boot / name).write_bytes(data)
        status = parts.layer / "var/lib/dpkg/status"
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(
            "Package: partclone\nStatus: install ok installed\nVersion: 0.3\nDescription: x\n a: b\n\nPackage: gone\n"
        )

    def layer(build: Build, _base: Path, _parts: Parts) -> Path:
        (build.work / "live.squashfs").write_bytes(b"live")
        return build.work / "live.squashfs"

    def assemble(whole: Path, image: Path, _work: Path, _runner: object) -> None:
        image.write_bytes((whole / "SHA256SUMS").read_bytes())

    monkeypatch.setattr(make, "make_parts", parts)
    monkeypatch.setattr(make, "pack_layer", layer)
    monkeypatch.setattr(image, "assemble", assemble)
    return build


def test_a_second_build_with_the_same_inputs_does_nothing(build: Build) -> None:
    assert make.make_iso(build)
    assert not make.make_iso(build)
    assert make.make_netboot(build)
    assert not make.make_netboot(build)
    assert not make.make_iso(build)
    assert not build.work.exists()


@pytest.mark.parametrize("name", ["iso/live/etc/motd", "iso/boot/grub.cfg", "iso/medium/tree.py", "xeninstall/__init__.py"])
def test_any_changed_source_makes_it_anew(build: Build, name: str) -> None:
    make.make_iso(build)
    (build.source / name).parent.mkdir(parents=True, exist_ok=True)
    (build.source / name).write_text("@MEDIUM@")
    assert make.make_iso(build)


def test_another_system_image_from_the_same_sources_makes_it_anew(build: Build) -> None:
    make.make_iso(build)
    (build.output / inputs.DESCRIPTION).write_text('{"packages": {"bash": "5.3"}}')
    assert make.make_iso(build)


def test_sum_and_package_list_lie_beside_the_image(build: Build) -> None:
    make.make_iso(build)
    assert (build.output / "SHA256SUMS").read_text().endswith("  xeninstall.iso\n")
    assert (build.output / make.PACKAGES).read_text() == "bash 5.2\npartclone 0.3\ntmux 3.5\n"


def test_without_the_tree_it_is_made_from_it_says_how_to_get_it(build: Build) -> None:
    inputs.base_tree(build.output, build.source).rmdir()
    with pytest.raises(BuildError, match="is not kept any more") as refused:
        make.make_iso(build)
    assert refused.value.hint == "build it again with --force"


def test_a_full_disk_leaves_the_older_image(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    make.make_iso(build)
    before = (build.output / make.ISO).read_bytes()

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", "/build/x")

    monkeypatch.setattr(image, "assemble", full)
    with pytest.raises(BuildError, match=r"^/build/x: No space left on device$"):
        make.make_iso(build, force=True)
    assert (build.output / make.ISO).read_bytes() == before
    assert not build.work.exists()
