"""Signatures by `ssh-keygen -Y` (PROTOCOL.sshsig): which keys are trusted, who signed a text, and signing one."""

import base64
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xeninstall.base.errors import UsageError
from xeninstall.base.run import Runner

from .errors import PackError
from .model import MANIFEST, Signature, Trust

# The product's own keys, and those that the administrator of this machine trusts besides.
DIRECTORIES = (Path("/usr/lib/xeninstall/pack-keys.d"), Path("/etc/xeninstall/pack-keys.d"))
NAMESPACE = "xeninstall-pack"  # so that a signature made for something else is none of a pack
_KEY = re.compile(r"(?P<key>[a-z0-9@.-]{4,60} (?P<blob>[A-Za-z0-9+/]{40,}={0,3}))(?: (?P<comment>.*))?")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_FILE_MAXIMUM_BYTES = 2**20


@dataclass(frozen=True)
class Key:
    """A public key in OpenSSH's form, and what it is called."""

    text: str  # type and blob
    name: str

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.text.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def trusted(directories: Iterable[Path] = DIRECTORIES) -> list[Key]:
    """The keys in every *.pub of these directories."""
    files = [path for folder in directories if folder.is_dir() for path in sorted(folder.glob("*.pub"))]
    return [key for path in files for key in keys_in(path)]


def keys_in(path: Path) -> list[Key]:
    """The keys of a file, one a line. Raises UsageError for a file without any."""
    try:
        with path.open("rb") as file:
            text = file.read(_FILE_MAXIMUM_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"the key {path} cannot be read: {error.strerror}", hint="name a .pub file with --key") from None
    if "PRIVATE KEY" in text:
        raise UsageError(f"{path} is a private key", hint="name its public half, the .pub file")
    found = list(parse(text, path.stem))
    if not found:
        raise UsageError(f"{path} holds no OpenSSH public key", hint="name a .pub file, as ssh-keygen makes it")
    return found


def parse(text: str, name: str) -> Iterator[Key]:
    """Keys of a text; one without a comment is called by `name`."""
    for line in text.splitlines():
        match = _KEY.fullmatch(line.strip())
        if match is not None:
            comment = (match["comment"] or "").strip()
            yield Key(match["key"], comment if comment.isprintable() and comment else name)


def signature_of(manifest: bytes, signature: Path, keys: Iterable[Key], runner: Runner) -> Signature:
    """Who signed these bytes. Raises PackError for a signature that is damaged, or made for other bytes."""
    if not signature.exists():
        return Signature(Trust.UNSIGNED)
    told = runner.run(
        ["ssh-keygen", "-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(signature)], stdin=manifest, check=False
    )
    found = _FINGERPRINT.search(told.stdout)
    if told.status != 0 or found is None:
        raise PackError(
            f"the signature does not belong to this {MANIFEST}: one of the two was changed or damaged",
            hint="do not use this pack; get it from its maker again",
        )
    by_principal = {f"key{number}": key for number, key in enumerate(keys)}
    with tempfile.TemporaryDirectory(prefix="xeninstall-keys-") as place:
        allowed = Path(place) / "allowed_signers"
        allowed.write_text("".join(f'{name} namespaces="{NAMESPACE}" {key.text}\n' for name, key in by_principal.items()))
        for name, key in by_principal.items():
            if key.fingerprint != found[0]:
                continue
            argv = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", name, "-f", str(allowed), "-s", str(signature)]
            if runner.run(argv, stdin=manifest, check=False).status == 0:
                return Signature(Trust.TRUSTED, key.name, key.fingerprint, key.text)
    return Signature(Trust.UNKNOWN, fingerprint=found[0])


def sign(manifest: Path, key: Path, runner: Runner) -> Path:
    """Sign a pack.toml; the signature lies beside it. Raises PackError with what ssh-keygen said."""
    signature = manifest.with_name(manifest.name + ".sig")
    signature.unlink(missing_ok=True)
    if not os.access(key, os.R_OK):
        raise UsageError(f"the key {key} cannot be read", hint="name a private key with --sign, such as ssh-keygen makes it")
    argv = ["ssh-keygen", "-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key), str(manifest)]
    done = runner.run(argv, check=False)
    if done.status != 0 or not signature.is_file():
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]
        by_hand = f"ssh-keygen -Y sign -n {NAMESPACE} -f KEY {MANIFEST}"
        raise PackError(f"ssh-keygen did not sign: {said}", hint=f"a key with a passphrase signs by hand: {by_hand}")
    return signature
