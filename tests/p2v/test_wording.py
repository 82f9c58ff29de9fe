"""Errors name what the user gave: keys of answers where answers were given, and no option of a command line."""

import pytest

from p2v.wording import in_words_of_answers, of_answers
from xeninstall.base.errors import Error


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("see that there is room, then go on with --resume", "see that there is room, then begin again: it goes on from there"),
        ("go on with it by --resume, or drop it by --discard", "drop it with convert.discard, or choose another name"),
        ("name the same disks, or give --discard", "name the same disks, or give convert.discard"),
        ("name another, remove it, or go on with a stopped run by --resume", "name another, remove it"),
        ("choose --mode pv, pvh, or leave it out", "choose convert.mode pv, pvh, or leave it out"),
        ("give its passphrase (--unlock, convert.unlock)", "give its passphrase (convert.unlock)"),
        ("or give --drop-hibernation (convert.drop_hibernation)", "or give convert.drop_hibernation"),
        ("leave --trial out", "leave convert.test_boot out"),
        (
            "virsh undefine p2v-trial-1 --nvram; vol-delete --pool images",
            "virsh undefine p2v-trial-1 --nvram; vol-delete --pool images",
        ),
    ],
)
def test_options_become_keys(said: str, told: str) -> None:
    assert of_answers(said) == told
    with pytest.raises(Error) as error, in_words_of_answers():
        raise Error(said, hint=said)
    assert (error.value.message, error.value.hint) == (told, told)
