"""A stream that only goes forward: what would be a hole is zeros in it, and nothing of it comes back."""

from xeninstall.base.sizes import MIB

_ZEROS = memoryview(bytes(MIB))


class ForwardSink:
    """What sinks of such streams share; `put` is theirs, and so are sync, finish and close. See Sink."""

    any_order = False

    def __init__(self, name: str, at: int = 0) -> None:
        self._name, self._at = name, at

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._name

    def put(self, offset: int, data: memoryview) -> None:
        """Send the bytes that belong at this offset, which is where those before ended. Raises Error."""
        raise NotImplementedError

    def write(self, offset: int, data: memoryview) -> None:
        """See Sink."""
        assert offset == self._at, "a stream only goes forward"
        self._at += len(data)
        self.put(offset, data)

    def skip(self, offset: int, length: int) -> None:
        """Zeros."""
        self.zero(offset, length)

    def zero(self, offset: int, length: int) -> None:
        """Zeros."""
        while length > 0:
            step = min(length, len(_ZEROS))
            self.write(offset, _ZEROS[:step])
            offset, length = offset + step, length - step

    def read(self, offset: int, length: int) -> bytes:
        """What went into a stream is gone."""
        raise NotImplementedError(f"{self._name} cannot be read back: {length} bytes at {offset}")
