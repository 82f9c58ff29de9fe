"""A pipe: the same bytes as a file would hold, one after the other, holes as zeros."""

import os

from xeninstall.base.sizes import MIB

from .model import stopped

_ZEROS = memoryview(bytes(MIB))


class PipeSink:
    """An open descriptor, such as standard output. It is not ours to close."""

    def __init__(self, fd: int, name: str = "standard output") -> None:
        self._fd, self._name, self._at = fd, name, 0

    any_order = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._name

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink.write."""
        assert offset == self._at, "a pipe only goes forward"
        self._at += len(data)
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise stopped(self._name, error, resumable=False) from None

    def skip(self, offset: int, length: int) -> None:
        """Zeros."""
        self.zero(offset, length)

    def read(self, offset: int, length: int) -> bytes:
        """What went into a pipe is gone."""
        raise NotImplementedError(f"{self._name} cannot be read back: {length} bytes at {offset}")

    def zero(self, offset: int, length: int) -> None:
        """Zeros."""
        while length > 0:
            step = min(length, len(_ZEROS))
            self.write(offset, _ZEROS[:step])
            offset, length = offset + step, length - step

    def sync(self) -> None:
        """What is in a pipe is somebody else's."""

    def finish(self, length: int) -> None:
        """The image is as long as it was to be."""
        assert self._at == length, f"{self._at} bytes were written instead of {length}"

    def close(self) -> None:
        """See PipeSink."""
