"""The engine that images disks: bytes in, right bytes out."""
