"""The other end of a conversion, on the host that takes it: storage of its own choice, the talk, the machine's definition."""
