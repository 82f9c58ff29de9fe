"""A pipe: the same bytes as a file would hold, one after the other, holes as zeros."""

import os

from .forward import ForwardSink
from .model import stopped


class PipeSink(ForwardSink):
    """An open descriptor, such as standard output. It is not ours to close."""

    def __init__(self, fd: int, name: str = "standard output") -> None:
        super().__init__(name)
        self._fd = fd

    def put(self, offset: int, data: memoryview) -> None:
        """See ForwardSink."""
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise stopped(self._name, error, resumable=False) from None

    def sync(self) -> None:
        """What is in a pipe is somebody else's."""

    def finish(self, length: int) -> None:
        """The image is as long as it was to be."""
        assert self._at == length, f"{self._at} bytes were written instead of {length}"

    def close(self) -> None:
        """See PipeSink."""
