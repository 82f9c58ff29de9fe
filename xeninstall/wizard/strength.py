"""How hard a password is to guess, roughly and from nothing but itself: length, kinds of characters, repetition, runs."""

import math
from enum import IntEnum

_KINDS = ((str.islower, 26), (str.isupper, 26), (str.isdigit, 10), (lambda char: not char.isalnum(), 33))
_COMMON = ("password", "passwort", "12345", "qwert", "asdf", "admin", "root", "xen", "letmein", "geheim", "welcome")


_BITS_IN_WORD = 3.0  # of a letter that goes on a word: more than Shannon's estimate for English, less than of a random one


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
    bits, before = 0.0, ""
    for char in told:
        if before and abs(ord(char) - ord(before)) <= 1:
            pass  # one that repeats or follows the one before it adds next to nothing
        elif before.isalpha() and char.isalpha():
            bits += _BITS_IN_WORD
        else:
            bits += math.log2(max(pool, 2))
        before = char
    return bits
