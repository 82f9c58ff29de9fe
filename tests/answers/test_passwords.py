"""Passwords are hashed by the system's own libcrypt, in threads too, and refused where they could not be used."""

import ctypes
from concurrent.futures import ThreadPoolExecutor

import pytest

from xeninstall.answers import passwords
from xeninstall.answers.fields import check_password_hash
from xeninstall.answers.passwords import hash_password
from xeninstall.base.errors import Error


def verify(password: bytes, hashed: str) -> bool:
    """As login does: hashing again with the hash for a setting gives the same."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    again = library.crypt(password, hashed.encode())
    return bool(again is not None and again.decode() == hashed)


def test_a_hash_is_yescrypt_salted_and_matches_its_password_alone() -> None:
    one, two = hash_password(b"correct horse"), hash_password(b"correct horse")
    assert one.startswith("$y$")
    assert one != two
    assert verify(b"correct horse", one)
    assert not verify(b"correct house", one)
    assert check_password_hash(one) == one


def test_threads_do_not_meet() -> None:
    given = [f"password {number}".encode() for number in range(6)]
    with ThreadPoolExecutor(3) as pool:
        hashes = list(pool.map(hash_password, given))
    assert all(verify(password, hashed) for password, hashed in zip(given, hashes, strict=True))


def test_bytes_beyond_ascii_are_hashed_as_they_are() -> None:
    assert verify("pässwörter".encode(), hash_password("pässwörter".encode()))


def test_a_missing_libcrypt_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LIBRARIES", ("libcrypt-nowhere.so.9",))
    with pytest.raises(Error, match=r"libcrypt-nowhere\.so\.9 is missing") as caught:
        hash_password(b"correct horse")
    assert "libcrypt1" in caught.value.hint
    assert "correct horse" not in str(caught.value)
