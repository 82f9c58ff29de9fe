"""Which driver and supplemental packs the host gets."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from .fields import Flag, Like, Section, SshKey, wrong

_Sha256 = Annotated[str, Like(r"[0-9a-f]{64}", "a sha256", "write the 64 digits that `xeninstall pack inspect` prints")]


def _source(value: str) -> str:
    if not 0 < len(value) <= 2000:
        raise wrong("empty" if not value else f"{len(value)} characters are too many", "name a file, a device or a URL")
    if not value.isprintable():
        raise wrong("holds a line break or another control character", "write it on one line")
    if "://" in value:
        if re.fullmatch(r"https?://[!-~]+", value) is None:
            raise wrong("not a URL that packs come by", "write it like https://packs.example.org/raid.tar.zst")
        if "@" in urlsplit(value).netloc:
            # Not repeated: it may hold a password.
            raise wrong("the URL holds a user's name or password", "serve the pack without, and pin it by its sha256")
    return value


PackPath = Annotated[str, AfterValidator(_source)]


class PackSource(Section):
    """A pack that is installed into the host, and whose modules and firmware its initramfs gets, too.

    See xeninstall(8), PACKS.
    """

    source: PackPath = Field(
        description="Directory, tar (also by gzip, xz, zstd), ISO or image file, device such as /dev/sdb1, or http(s) URL; "
        "DEVICE:PATH for one of several packs on a medium. Files are relative to the answer file."
    )
    sha256: _Sha256 | None = Field(
        None, description="Take this very pack and no other: sha256 of its pack.toml, as `pack inspect` prints."
    )
    key: SshKey | None = Field(None, description="OpenSSH public key that must have signed it; it is trusted for this pack.")
    allow_unsigned: Flag = Field(False, description="Take it although no trusted key has signed it.")
