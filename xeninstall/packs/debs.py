"""Debian packages from files, by apt without any source: it puts them in order and refuses what lacks a dependency."""

from collections.abc import Sequence


def install_command(files: Sequence[str]) -> tuple[str, ...]:
    """The argument list that installs these .deb files, by absolute paths, without the network and without a question."""
    # Offline because apt is shown no source; --no-download would refuse files that are not in its own cache, too.
    # fmt: off
    return (
        "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends",
        "-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null",
        "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", "-o", "Dpkg::Use-Pty=0",
        "-o", "Dpkg::Options::=--force-confold", "-o", "APT::Sandbox::User=root", *files,
    )
    # fmt: on
