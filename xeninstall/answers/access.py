"""How root gets in, and the scripts and the URL that go along with a run."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from .fields import Flag, Section, SshKey, Text, check_password_hash, wrong

SCRIPT_MAXIMUM_CHARACTERS = 65536


def _hash(value: SecretStr) -> SecretStr:
    return SecretStr(check_password_hash(value.get_secret_value()))


def _script(value: str) -> str:
    if not value:
        raise wrong("empty", "name a file, write a script that begins with #!, or leave the key out")
    if len(value) > SCRIPT_MAXIMUM_CHARACTERS:
        raise wrong(f"{len(value)} characters are too many", f"keep it to {SCRIPT_MAXIMUM_CHARACTERS} and fetch the rest from it")
    if "\0" in value:
        raise wrong("holds a NUL character", "give a text file")
    if not value.startswith("#!") and not value.isprintable():
        raise wrong("neither the name of a file nor a script", "begin a script with #!, such as #!/bin/sh")
    return value


def _url(value: str) -> str:
    # In words of its own, since the value may hold a token and is not repeated.
    if re.fullmatch(r"https?://[!-~]{1,2000}", value) is None:
        raise wrong("not a URL that can be posted to", "write it like https://fleet.example.org/progress")
    return value


PasswordHash = Annotated[SecretStr, AfterValidator(_hash)]
_Webhook = Annotated[str, AfterValidator(_url)]
Script = Annotated[str, AfterValidator(_script)]  # the text itself, or until `load` has read it the name of its file


class Root(Section):
    """How root logs in. Give one of the password keys, SSH keys, or both."""

    password_hash: PasswordHash | None = Field(
        None, description="crypt(5) hash, as `openssl passwd -6` makes it; ! for no password (needs ssh_keys)."
    )
    password_file: Text | None = Field(
        None, description="File with the password on its first line, relative to the answer file; hashed when read."
    )
    password_stdin: Flag = Field(False, description="Read the password from standard input; hashed when read.")
    ssh_keys: tuple[SshKey, ...] = Field((), max_length=100, description="OpenSSH public keys that may log in as root.")


class Hooks(Section):
    """Scripts of yours, each run as its first line says, and a URL that is told of progress. A failed hook fails the run."""

    before_disk: Script | None = Field(
        None,
        description="Runs on the installer before anything is written. A file relative to the answer file, or the "
        "script itself when it begins with #!.",
    )
    installed: Script | None = Field(
        None, description="Runs when the system is in place, with its root in XENINSTALL_ROOT; a file or a script."
    )
    first_boot: Script | None = Field(None, description="Runs once at the installed host's first boot; a file or a script.")
    # Not shown: such URLs often carry a token.
    webhook: _Webhook | None = Field(
        None,
        repr=False,
        description="URL that gets each progress event as a JSON POST; its being unreachable is only warned of. "
        "Treated as a secret.",
    )
