"""Signatures: made and judged by ssh-keygen; each way to be wrong is its own answer."""

import subprocess
from pathlib import Path

import pytest

from xeninstall.base.errors import UsageError
from xeninstall.packs.errors import PackError
from xeninstall.packs.keys import keys_in, parse, sign, signature_of, trusted
from xeninstall.packs.model import Signature, Trust

from .given import RUNNER, new_key

TEXT = b"format = 1\n"


def signed(place: Path, key: Path, text: bytes = TEXT) -> Path:
    (place / "pack.toml").write_bytes(text)
    return sign(place / "pack.toml", key, RUNNER)


def test_a_trusted_key_is_called_by_its_comment(tmp_path: Path) -> None:
    path, key = new_key(tmp_path)
    found = signature_of(TEXT, signed(tmp_path, path), [new_key(tmp_path, "other")[1], key], RUNNER)
    assert found == Signature(Trust.TRUSTED, "Acme packs", key.fingerprint, key.text)
    listed = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True).stdout
    assert key.fingerprint in listed


def test_a_key_that_nobody_trusts_is_told_by_its_fingerprint(tmp_path: Path) -> None:
    path, key = new_key(tmp_path)
    found = signature_of(TEXT, signed(tmp_path, path), [new_key(tmp_path, "other")[1]], RUNNER)
    assert found == Signature(Trust.UNKNOWN, fingerprint=key.fingerprint)
    assert found.text == f"a key that is not trusted here ({key.fingerprint})"


def test_no_signature_is_no_signature(tmp_path: Path) -> None:
    assert signature_of(TEXT, tmp_path / "gone", [], RUNNER) == Signature(Trust.UNSIGNED)


@pytest.mark.parametrize("how", ["other text", "cut off", "empty", "of something else"])
def test_a_signature_that_does_not_belong_is_refused_whoever_is_trusted(tmp_path: Path, how: str) -> None:
    path, key = new_key(tmp_path)
    signature = signed(tmp_path, path)
    text = TEXT
    match how:
        case "other text":
            text = TEXT + b"evil = 1\n"
        case "cut off":
            signature.write_bytes(signature.read_bytes()[:100])
        case "empty":
            signature.write_bytes(b"")
        case _:
            signature.unlink()
            subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-n", "file", "-f", path, tmp_path / "pack.toml"], check=True)
    with pytest.raises(PackError) as caught:
        signature_of(text, signature, [key], RUNNER)
    assert caught.value.message == "the signature does not belong to this pack.toml: one of the two was changed or damaged"


def test_the_directories_are_read_and_need_not_be_there(tmp_path: Path) -> None:
    _, key = new_key(tmp_path)
    (tmp_path / "keys.d").mkdir()
    (tmp_path / "key.pub").rename(tmp_path / "keys.d/acme.pub")
    (tmp_path / "keys.d/README").write_text("ignored")
    assert trusted([tmp_path / "gone", tmp_path / "keys.d"]) == [key]


def test_comments_and_other_lines_are_passed_over() -> None:
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampl0"
    found = list(parse(f"# ours\n\nssh-ed25519 {blob}\nssh-ed25519 {blob} a\x1b[31m\nnonsense\n", "acme"))
    assert [key.name for key in found] == ["acme", "acme"]


def test_a_private_key_or_no_key_is_refused(tmp_path: Path) -> None:
    path, _ = new_key(tmp_path)
    (tmp_path / "none.pub").write_text("nothing\n")
    for name, said in (
        ("key", f"{path} is a private key"),
        ("none.pub", "holds no OpenSSH public key"),
        ("gone", "cannot be read"),
    ):
        with pytest.raises(UsageError) as caught:
            keys_in(tmp_path / name)
        assert said in caught.value.message


def test_a_key_with_a_passphrase_says_how_to_sign_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "passphrase", "-f", path], check=True)
    with pytest.raises(PackError) as caught:
        signed(tmp_path, path)
    assert caught.value.message.startswith("ssh-keygen did not sign: ")
    assert "ssh-keygen -Y sign -n xeninstall-pack -f KEY pack.toml" in caught.value.hint
    with pytest.raises(UsageError):
        signed(tmp_path, tmp_path / "gone")
