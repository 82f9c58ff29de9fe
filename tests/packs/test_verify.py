"""A pack is what its manifest says, or it is refused with the file's name; and it is trusted, meant and fitting, or refused."""

from pathlib import Path

import pytest

from xeninstall.base.errors import Error, ExitCode
from xeninstall.packs.errors import PackError, WrongKernel
from xeninstall.packs.model import Trust
from xeninstall.packs.verify import Demands, accept

from .given import FILES, KERNEL, folder, manifest, module, new_key, pack_in, refusal

AGAIN = "get the pack from its maker again"


def refused(pack_folder: Path, demands: Demands, tmp_path: Path) -> Error:
    with pytest.raises(Error) as caught:
        accept(pack_in(pack_folder, tmp_path / "place"), demands)
    return caught.value


def test_a_damaged_file_is_named_with_both_digests(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    (source / "firmware/acme/raid.bin").write_bytes(b"Firmware")
    said = refusal(source, tmp_path / "place")
    assert said.startswith("firmware/acme/raid.bin is damaged: sha256 ") and " instead of " in said and said.endswith(AGAIN)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    (source / "firmware/acme/raid.bin").unlink()
    assert refusal(source, tmp_path / "place") == f"firmware/acme/raid.bin is missing from the pack -> {AGAIN}"


@pytest.mark.parametrize("name", ["firmware/extra", "extra", "modules/more.ko"])
def test_an_extra_file_is_named(tmp_path: Path, name: str) -> None:
    source = folder(tmp_path / "pack")
    (source / name).write_bytes(b"")
    assert (
        refusal(source, tmp_path / "place") == f"{name} is in the pack, but not in its pack.toml -> do not use this pack; {AGAIN}"
    )


def test_a_module_of_another_kernel_than_the_manifest_says_is_named(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack", {"modules/raid.ko": module("6.1.0-1-amd64")})
    said = refusal(source, tmp_path / "place")
    assert said.startswith(f"modules/raid.ko was built for the kernel 6.1.0-1-amd64, although pack.toml says {KERNEL}")


def test_what_is_no_module_is_named(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack", {"modules/raid.ko": b"#!/bin/sh\n"})
    assert refusal(source, tmp_path / "place").startswith("raid.ko is no kernel module -> ")
    source = folder(tmp_path / "other", {"modules/raid.ko.xz": b"not xz"})
    assert refusal(source, tmp_path / "place").startswith("raid.ko.xz cannot be decompressed -> ")


def test_a_manifest_that_was_changed_after_the_signature_is_refused_before_it_is_believed(tmp_path: Path) -> None:
    key, _ = new_key(tmp_path)
    source = folder(tmp_path / "pack", key=key)
    (source / "pack.toml").write_text("[files]\n")
    assert refusal(source, tmp_path / "place").startswith("the signature does not belong to this pack.toml")


def test_an_unsigned_pack_needs_a_yes(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack")
    error = refused(source, Demands(), tmp_path)
    assert error.message == "acme-raid 1.2 is unsigned"
    assert error.hint == "if it is meant all the same: --allow-unsigned, or allow_unsigned = true"
    assert error.exit_code == ExitCode.FAILED
    accept(pack_in(source, tmp_path / "place"), Demands(allow_unsigned=True))
    digest = pack_in(source, tmp_path / "place").digest
    assert "is unsigned" in refused(source, Demands(sha256=digest), tmp_path).message, "a digest says which, not whose"


def test_a_pack_of_an_unknown_key_is_refused_with_its_fingerprint(tmp_path: Path) -> None:
    path, key = new_key(tmp_path)
    source = folder(tmp_path / "pack", key=path)
    error = refused(source, Demands(), tmp_path)
    assert error.message == f"acme-raid 1.2 is signed by a key that is not trusted here ({key.fingerprint})"
    assert error.hint.startswith("trust the key with --key FILE")
    pack = pack_in(source, tmp_path / "place", (key,))
    assert pack.signature.trust is Trust.TRUSTED
    accept(pack, Demands(kernel=KERNEL, sha256=pack.digest, key=key))


def test_another_pack_or_signer_than_was_meant_is_refused(tmp_path: Path) -> None:
    path, key = new_key(tmp_path)
    source = folder(tmp_path / "pack", key=path)
    error = refused(source, Demands(sha256="0" * 64, allow_unsigned=True), tmp_path)
    assert error.message.startswith("this is another pack than was asked for: its sha256 is ")
    other = new_key(tmp_path, "other")[1]
    error = refused(source, Demands(key=other, allow_unsigned=True), tmp_path)
    assert error.message.endswith("not by the key that was asked for")
    assert key.fingerprint in error.message


def test_the_wrong_kernel_does_not_meet_the_requirements(tmp_path: Path) -> None:
    error = refused(folder(tmp_path / "pack"), Demands(kernel="6.1.0-9-amd64", allow_unsigned=True), tmp_path)
    assert isinstance(error, WrongKernel)
    assert error.exit_code == ExitCode.REQUIREMENTS
    assert error.message == f"acme-raid 1.2 has modules for the kernel {KERNEL}, and this one is 6.1.0-9-amd64"
    assert error.hint == "get the pack that was made for 6.1.0-9-amd64"


def test_a_pack_without_modules_fits_every_kernel(tmp_path: Path) -> None:
    files = {"firmware/x": b"x"}
    source = folder(tmp_path / "pack", files, manifest(files, kernel=None).text())
    accept(pack_in(source, tmp_path / "place"), Demands(kernel="anything", allow_unsigned=True))


def test_a_manifest_of_megabytes_is_refused(tmp_path: Path) -> None:
    source = folder(tmp_path / "pack", FILES, "#" * (5 * 2**20))
    assert refusal(source, tmp_path / "place") == f"pack.toml is larger than 4 MiB -> {AGAIN}"


def test_errors_of_packs_are_the_products_errors() -> None:
    assert issubclass(PackError, Error) and issubclass(WrongKernel, Error)
