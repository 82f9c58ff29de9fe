"""Builds the host's system image: `python -m iso.build`. Runs on Debian, as root; no part of it is in the installed product."""
