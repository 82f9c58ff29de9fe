"""Turns a password into the hash that Debian keeps, by the system's own libcrypt: nothing is kept, logged or started."""

import ctypes

from xeninstall.base.errors import Error, UsageError

_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")  # Debian's name, and that of builds without the old interface
_LENGTH_MINIMUM_BYTES, _LENGTH_MAXIMUM_BYTES = 8, 512  # CRYPT_MAX_PASSPHRASE_SIZE of crypt.h is 512
_SETTING_BYTES = 192  # CRYPT_GENSALT_OUTPUT_SIZE of crypt.h
_DATA_BYTES = 32768  # sizeof(struct crypt_data), fixed by libxcrypt's interface


class PasswordError(UsageError):
    """A password that cannot be used; the message tells nothing of it but its length."""


def password_of(data: bytes) -> bytes:
    """The password in what a file or standard input held: its first line. Raises PasswordError."""
    password = data.split(b"\n", 1)[0].removesuffix(b"\r")
    if not password:
        raise PasswordError("the password is empty", hint="write it on the first line")
    if b"\0" in password:
        raise PasswordError("the password holds a NUL byte", hint="give a text file")
    if len(password) < _LENGTH_MINIMUM_BYTES:
        raise PasswordError(f"the password has only {len(password)} characters", hint=f"give at least {_LENGTH_MINIMUM_BYTES}")
    if len(password) > _LENGTH_MAXIMUM_BYTES:
        raise PasswordError("the password is too long", hint=f"give at most {_LENGTH_MAXIMUM_BYTES} bytes")
    return password


def hash_password(password: bytes) -> str:
    """Its yescrypt hash (`$y$…`) with a fresh salt from the kernel; takes a tenth of a second. Raises Error."""
    library = _libcrypt()
    setting = ctypes.create_string_buffer(_SETTING_BYTES)
    data = ctypes.create_string_buffer(_DATA_BYTES)
    # The _rn forms keep everything in the caller's memory, so that threads do not meet (crypt(3)).
    if not library.crypt_gensalt_rn(b"$y$", ctypes.c_ulong(0), None, 0, setting, _SETTING_BYTES):
        raise Error("libcrypt made no salt for yescrypt", hint="give root.password_hash, made with mkpasswd elsewhere")
    hashed = library.crypt_rn(password, setting, data, _DATA_BYTES)
    out = hashed.decode("ascii") if hashed else ""
    ctypes.memset(data, 0, _DATA_BYTES)  # the password has left traces there
    if not out.startswith("$y$"):
        raise Error("libcrypt could not hash the password", hint="give root.password_hash, made with mkpasswd elsewhere")
    return out


def is_password_of(hashed: str, password: bytes) -> bool:
    """Does this password give this hash? False for a hash of a kind that libcrypt does not know."""
    data = ctypes.create_string_buffer(_DATA_BYTES)
    again = _libcrypt().crypt_rn(password, hashed.encode(), data, _DATA_BYTES)
    ctypes.memset(data, 0, _DATA_BYTES)
    return bool(again) and again.decode("ascii") == hashed


def _libcrypt() -> ctypes.CDLL:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            library.crypt_gensalt_rn.restype = ctypes.c_char_p
            library.crypt_rn.restype = ctypes.c_char_p
        except (OSError, AttributeError):
            continue
        return library
    raise Error(
        f"the password cannot be hashed: {_LIBRARIES[0]} is missing",
        hint="install the Debian package libcrypt1, or give root.password_hash",
    )
