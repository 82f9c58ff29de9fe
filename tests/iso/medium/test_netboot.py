"""The directory for a web server lists what is fetched, and nothing that iPXE brings itself."""

from pathlib import Path

import pytest

from iso.medium import netboot, tree
from iso.medium.parts import Parts
from tests.iso.fake import build_in
from tests.system.installer import REPOSITORY

from .small import ANSWERS, medium


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The directory, from the small medium."""
    whole = medium(tmp_path / "small")
    build = build_in(tmp_path)
    script = build.source / "iso/boot/boot.ipxe"
    script.parent.mkdir(parents=True)
    script.write_bytes((REPOSITORY / "iso/boot/boot.ipxe").read_bytes())
    build.work.mkdir()
    (tmp_path / "small/parts/boot/netboot.img").write_bytes(b"root, with network")
    (tmp_path / "small/parts/boot/vmlinuz").write_bytes(b"linux")
    for _ in range(2):  # the second time into the place of the first
        netboot.assemble(whole, build.output / "netboot", Parts(tmp_path / "small/parts"), build)
    return build.output / "netboot"


def fetched(folder: Path) -> list[str]:
    """What the initramfs asks for."""
    return [line.split(" bytes: ")[1] for line in (folder / tree.SUMS).read_text().splitlines() if line.startswith("# ")]


def test_it_holds_kernel_initramfs_script_and_the_files_to_fetch(made: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == [
        *("README.txt", "SHA256SUMS", "boot.ipxe", "initrd.img", "live", "vmlinuz")
    ]
    assert (made / "initrd.img").read_bytes() == b"root, with network"
    assert fetched(made) == ["live/live.squashfs", "live/packages.txt", "live/system.json", "live/system.squashfs"]


def test_the_script_names_the_files_that_are_there_and_where_they_lie(made: Path) -> None:
    script = (made / "boot.ipxe").read_text()
    assert script.startswith("#!ipxe\n")
    assert "kernel vmlinuz initrd=initrd.img xeninstall.medium=${medium} " in script
    assert "initrd initrd.img " in script


def test_answers_are_fetched_with_the_rest_and_can_be_taken_out_again(made: Path) -> None:
    netboot.set_answers(made, ANSWERS)
    assert (made / tree.ANSWERS).read_bytes() == ANSWERS
    assert tree.ANSWERS in fetched(made)
    netboot.set_answers(made, None)
    assert not (made / tree.ANSWERS).parent.exists()
    assert tree.ANSWERS not in fetched(made)
