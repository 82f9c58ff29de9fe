"""A disk in memory, for parsers."""


class Memory:
    """Bytes as a Reader."""

    def __init__(self, data: bytes, size_bytes: int | None = None) -> None:
        self._data = data
        self.size_bytes = len(data) if size_bytes is None else size_bytes
        self.name = "memory"

    def read(self, offset: int, length: int) -> bytes:
        """What is there; behind the data are zeros up to the size."""
        length = min(length, self.size_bytes - offset)
        if offset < 0 or length <= 0:
            return b""
        return self._data[offset : offset + length].ljust(length, b"\0")

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer."""
        data = self.read(offset, len(buffer))
        if len(data) != len(buffer):
            raise OSError(5, "beyond the end")
        buffer[:] = data
