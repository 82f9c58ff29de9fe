"""Sectors as dm-crypt encrypts them (Linux, Documentation/admin-guide/device-mapper/dm-crypt.rst): AES in XTS and in CBC mode."""

import hashlib
import struct
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from xeninstall.base.errors import Error

KNOWN = ("aes-xts-plain64", "aes-xts-plain", "aes-cbc-essiv:sha256", "aes-cbc-plain64", "aes-cbc-plain")
_UNIT = 512  # sectors are numbered in these, whatever their size


class Sectors:
    """A cipher with its key. Raises Error for a cipher that is not among KNOWN."""

    def __init__(self, cipher: str, key: bytes, sector_bytes: int, first_sector: int) -> None:
        if cipher not in KNOWN:
            raise Error(f"it is encrypted by {cipher}", hint=f"what is understood: {', '.join(KNOWN)}")
        if sector_bytes % _UNIT or not _UNIT <= sector_bytes <= 4096:
            raise Error(f"its sectors have {sector_bytes} bytes", hint="dm-crypt's have 512 to 4096")
        xts, essiv = cipher.startswith("aes-xts"), "essiv" in cipher
        if len(key) not in ((32, 64) if xts else (16, 24, 32)):
            raise Error(f"a key of {len(key) * 8} bits does not fit {cipher}")
        self._aes, self.sector_bytes, self._first = algorithms.AES(key), sector_bytes, first_sector
        self._mode: Callable[[bytes], modes.XTS | modes.CBC] = modes.XTS if xts else modes.CBC
        self._mask = (1 << 64) - 1 if not cipher.endswith("plain") else (1 << 32) - 1
        salt = algorithms.AES(hashlib.sha256(key).digest()) if essiv else None
        self._salt = Cipher(salt, modes.ECB()).encryptor() if salt is not None else None

    def decrypt(self, offset: int, data: bytes | memoryview) -> bytes:
        """What was at `offset`; both ends at sectors."""
        return self._each(offset, data, decrypting=True)

    def encrypt(self, offset: int, data: bytes | memoryview) -> bytes:
        """What goes to `offset`; both ends at sectors."""
        return self._each(offset, data, decrypting=False)

    def _each(self, offset: int, data: bytes | memoryview, *, decrypting: bool) -> bytes:
        size, parts = self.sector_bytes, list[bytes]()
        assert offset % size == 0 and len(data) % size == 0
        number = self._first + offset // _UNIT
        for start in range(0, len(data), size):
            cipher = Cipher(self._aes, self._mode(self._vector(number)))
            context = cipher.decryptor() if decrypting else cipher.encryptor()
            parts.append(context.update(data[start : start + size]))
            number += size // _UNIT
        return b"".join(parts)

    def _vector(self, number: int) -> bytes:
        vector = struct.pack("<QQ", number & self._mask, 0)
        return self._salt.update(vector) if self._salt is not None else vector
