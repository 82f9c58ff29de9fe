"""A certificate of a server of a test."""

import subprocess
from pathlib import Path


class Certificate:
    """A key and a self-signed certificate for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.key, self.path = folder / f"{name}.key", folder / f"{name}.pem"
        subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        make: list[str | Path] = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]
        subprocess.run([*make, *subject, "-keyout", self.key, "-out", self.path], check=True, capture_output=True)

    @property
    def fingerprint(self) -> str:
        """As openssl prints it."""
        argv = ["openssl", "x509", "-in", str(self.path), "-noout", "-fingerprint", "-sha256"]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]
