"""The wizard's steps by keys, in any terminal: from the menu to the review, with the answers that the tests look for later."""

from .terminal import Terminal

PASSWORD = "staple-Battery7"
ADDRESS, GATEWAY, DNS, ZONE = "192.0.2.77/24", "192.0.2.1", "192.0.2.53", "Europe/Berlin"


class Wizard:
    """The wizard behind a terminal. `patience_seconds` is what a step may take to appear."""

    def __init__(self, terminal: Terminal, patience_seconds: float = 20, subject: str = "Xen host") -> None:
        self.terminal, self._patience_seconds, self._subject = terminal, patience_seconds, subject

    def expect(self, text: str) -> str:
        """Wait for a text; returns the screen at rest."""
        return self.terminal.expect(text, self._patience_seconds)

    def on(self, heading: str) -> str:
        """Next, to the step of this heading."""
        self.terminal.press("C-n")
        return self.expect(f"{self._subject} - {heading}")

    def to_disk(self) -> None:
        """From the keyboard to the disk: the menu, the hardware."""
        self.on("What to do")
        self.terminal.press("1")
        self.expect("Xen host - Hardware check")
        self.on("Disk")

    def to_root(self) -> None:
        """The packages; the password, twice."""
        self.on("Packages")
        self.on("Root password")
        self.terminal.type(PASSWORD, hidden=True)
        self.terminal.move("Tab")
        self.terminal.type(PASSWORD, hidden=True)

    def to_host(self) -> None:
        """The network: a static address. Ends on the host's name, whose default is typed over."""
        self.on("Management network: card")
        self.on("Management network: addresses")
        self.terminal.press("Down", "Space")
        self.expect("(*) static")
        self.expect("Address with prefix")  # which shows a moment later
        self.terminal.move("Tab")
        self.terminal.type(ADDRESS)
        self.terminal.move("Tab")
        self.terminal.type(GATEWAY)
        self.on("Host name")

    def to_review(self) -> str:
        """Name servers, time zone and a clock that is right already."""
        self.on("DNS")
        self.terminal.press("Down", "Space")
        self.expect("(*) these servers")
        self.expect("DNS servers")
        self.terminal.move("Tab")
        self.terminal.type(DNS)
        self.on("Time zone")
        self.terminal.type("berlin")
        self.terminal.move("Enter")
        self.terminal.press("Enter")
        self.expect(f"Chosen: {ZONE}")
        self.on("Time ")
        self.terminal.press("Down", "Down", "Space")
        self.expect("(*) by hand")
        return self.on("Review")
