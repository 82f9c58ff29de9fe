"""A password's strength, by order more than by number."""

import pytest

from xeninstall.wizard.strength import Strength, strength


@pytest.mark.parametrize(
    "password", ["aaaaaaaaaaaaaaaa", "12345678", "abcdefgh", "password1", "Passwort123", "xenroot1", "qwertz99"]
)
def test_what_everybody_tries_first_is_weak(password: str) -> None:
    assert strength(password) is Strength.WEAK


def test_length_makes_strong() -> None:
    known = ["kzvwmqpt", "kzvwmqptryhs", "kzvwmqptryhsnb", "correct horse battery staple"]
    found = [strength(one) for one in known]
    assert found == sorted(found)
    assert found[-1] is Strength.STRONG
