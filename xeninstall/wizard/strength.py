"""How hard a password is to guess, roughly and from nothing but itself: length, kinds of characters, repetition, runs."""

import math
from enum import IntEnum

_KINDS = ((str.islower, 26), (str.isupper, 26), (str.isdigit, 10), (lambda char: not char.isalnum(), 33))
_COMMON = ("password", "passwort", "12345", "qwert", "asdf", "admin", "root", "xen", "letmein", "geheim", "welcome")


class Strength(IntEnum):
    """In words on the screen; the borders are powers of two of guesses."""

    WEAK = 1
    FAIR = 2
    GOOD = 3
    STRONG = 4


def strength(password: str) -> Strength:
    """Of a password that is long enough to be taken at all."""
    bits = _bits(password)
    return Strength.WEAK if bits < 40 else Strength.FAIR if bits < 60 else Strength.GOOD if bits < 80 else Strength.STRONG


def _bits(password: str) -> float:
    pool = sum(size for is_kind, size in _KINDS if any(is_kind(char) for char in password))
    told = password.lower()
    for word in _COMMON:
        told = told.replace(word, word[:1])  # a word that everybody tries first counts as one character
    # A character that repeats or follows the one before it adds next to nothing.
    fresh = [char for place, char in enumerate(told) if not place or abs(ord(char) - ord(told[place - 1])) > 1]
    return min(len(fresh), len(set(told)) * 2) * math.log2(max(pool, 2))
