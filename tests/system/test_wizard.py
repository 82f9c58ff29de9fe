"""The wizard in a real terminal, by keys from the first screen to the last: what it installs is a host, and it boots.

The terminals are tmux's, as on the boot medium, of the kinds that a console and a serial line are. One of them is killed
on the way, twice; the host that boots in the end is the one that was installed through it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from xeninstall.answers.load import load
from xeninstall.answers.model import Answers
from xeninstall.apply.target import place_of

from .by_keys import PASSWORD, Wizard
from .console import LOGIN_SECONDS
from .installer import REPOSITORY, command, leftovers, xeninstall
from .qemu import Disk, Machine, hvm_expected
from .terminal import Terminal

pytestmark = pytest.mark.root

_FIRST_SECONDS = 60  # a busy machine; it takes two
_STEP_SECONDS = 20
_INSTALL_SECONDS = 240  # ten on an idle machine
_END_SECONDS = 90  # a busy machine lets the interpreter go late; it takes one


@dataclass(frozen=True)
class Installed:
    """What a run has left."""

    image: Path
    screens: frozenset[str]

    @property
    def answer_file(self) -> Path:
        """The one that Done names."""
        return Path(f"{self.image}.answers.toml")

    def answers(self) -> Answers:
        """What the run says it was told, the password aside."""
        return load(self.answer_file, stdin=PASSWORD.encode)


def _wizard(term: str, image: Path, system: Path) -> Terminal:
    return Terminal(term, command("wizard", "--target", image, "--system", system), REPOSITORY)


def _begin(terminal: Terminal) -> Wizard:
    """The first screen."""
    terminal.expect("Language and keyboard", _FIRST_SECONDS)
    return Wizard(terminal, _STEP_SECONDS)


def _to_host(wizard: Wizard) -> None:
    """From the first screen to the host's name, with storage in files."""
    wizard.to_disk()
    wizard.terminal.press("Down", "Space")
    wizard.expect("(*) files")
    wizard.to_root()
    wizard.to_host()


def _leave(terminal: Terminal, image: Path) -> Installed:
    """Done, and out."""
    done = terminal.expect("Xen host - Done", _INSTALL_SECONDS)
    assert "The host is installed" in done
    assert "192.0.2.77/24" in done
    terminal.press("Enter")
    assert terminal.ended(_END_SECONDS) == 0
    return Installed(image, frozenset(terminal.seen))


@pytest.fixture(scope="module")
def by_vt100(images: Path, system_image: Path) -> Installed:
    """Installed on a terminal without colour, straight through."""
    image = images / "vt100.img"
    with _wizard("vt100", image, system_image) as terminal:
        wizard = _begin(terminal)
        terminal.type("austria no dead")
        terminal.move("Down")
        terminal.press("Enter")
        terminal.expect("Chosen: German (Austria, no dead keys)", _STEP_SECONDS)
        _to_host(wizard)
        terminal.type("plain")
        assert "plain" in wizard.to_review()
        terminal.press("C-n")
        return _leave(terminal, image)


@pytest.fixture(scope="module")
def by_killed_linux(images: Path, system_image: Path) -> Installed:
    """Installed on a Linux console that is killed inside a word, and goes away once more while the system is unpacked."""
    image = images / "linux.img"
    with _wizard("linux", image, system_image) as terminal:
        # The keyboard stays: a layout chosen with TERM=linux would be this machine's own.
        wizard = _begin(terminal)
        _to_host(wizard)
        terminal.type("kil")
        before = terminal.screen()
        terminal.kill_client()
        client = terminal.attach()
        assert client.shows(b"Host name")
        assert terminal.screen() == before
        client.type(b"led")
        terminal.expect("killed", _STEP_SECONDS)
        terminal.move("Tab")
        terminal.type("example.org")
        wizard.to_review()
        terminal.press("C-n")
        terminal.expect_passing("Xen host - Installing", _STEP_SECONDS)
        terminal.detach()
        assert terminal.attach().shows(b"Xen host - ")
        return _leave(terminal, image)


@pytest.mark.parametrize("run", ["by_vt100", "by_killed_linux"])
def test_a_run_by_keys_ends_with_a_whole_installation_and_leaves_nothing_mounted(
    run: str, request: pytest.FixtureRequest
) -> None:
    installed: Installed = request.getfixturevalue(run)
    journal = json.loads(Path(f"{installed.image}.journal.json").read_text())
    assert journal["state"] == "done"
    assert journal["target"] == str(installed.image)
    assert leftovers(installed.image) == []


def test_the_answer_file_holds_what_was_typed_and_installs_the_same_again(
    by_vt100: Installed, system_image: Path, tmp_path: Path
) -> None:
    answers = by_vt100.answers()
    assert (answers.keyboard.layout, answers.keyboard.variant) == ("at", "nodeadkeys")
    assert answers.host.name == "plain"
    assert (answers.network.ipv4.address, answers.network.ipv4.gateway) == ("192.0.2.77/24", "192.0.2.1")
    assert (answers.dns.servers, answers.time.zone, answers.storage.type) == (("192.0.2.53",), "Europe/Berlin", "files")
    onto = ("--target", tmp_path / "again.img", "--system", system_image, "--plan")
    again = xeninstall("install", by_vt100.answer_file, *onto, stdin=PASSWORD)
    assert again.status == 0, again.stderr
    assert "Xen host plain on image file" in again.stdout


def test_killing_the_terminal_loses_nothing_that_was_typed(by_killed_linux: Installed) -> None:
    answers = by_killed_linux.answers()
    assert (answers.host.name, answers.host.domain) == ("killed", "example.org")
    assert answers.network.ipv4.address == "192.0.2.77/24"


def test_an_installation_under_way_comes_to_its_end_when_even_tmux_is_killed(images: Path, system_image: Path) -> None:
    image = images / "alone.img"
    with _wizard("vt100", image, system_image) as terminal:
        wizard = _begin(terminal)
        _to_host(wizard)
        terminal.type("alone")
        wizard.to_review()
        terminal.press("C-n")
        terminal.expect_passing("Xen host - Installing", _STEP_SECONDS)
        terminal.hang_up(_INSTALL_SECONDS)
    journal = json.loads(Path(f"{image}.journal.json").read_text())
    assert (journal["state"], leftovers(image)) == ("done", [])
    assert load(Path(f"{image}.answers.toml"), stdin=PASSWORD.encode).host.name == "alone"
    image.unlink()


def test_a_terminal_that_is_lost_without_tmux_loses_nothing_either(images: Path, system_image: Path) -> None:
    image = images / "lost.img"
    kept = place_of(str(image)).with_suffix(".draft.json")
    try:
        with _wizard("linux", image, system_image) as terminal:
            _to_host(_begin(terminal))
            terminal.type("lost")
            terminal.hang_up(_STEP_SECONDS)
        assert kept.stat().st_mode & 0o777 == 0o600
        assert PASSWORD not in kept.read_text()
        with _wizard("vt100", image, system_image) as terminal:
            terminal.expect("Go on where you were?", _FIRST_SECONDS)
            terminal.press("Enter")
            terminal.expect("Xen host - Host name", _STEP_SECONDS)
            terminal.type("-and-found")
            wizard = Wizard(terminal)
            assert "lost-and-found" in wizard.to_review()
            terminal.press("C-p")
            wizard.on("Review")
            terminal.press("C-c")
            terminal.expect("What was entered is kept", _STEP_SECONDS)
            terminal.move("Right")
            terminal.press("Enter")
            assert terminal.ended(_END_SECONDS) == 4
        assert not image.exists()
    finally:
        kept.unlink(missing_ok=True)


@pytest.mark.parametrize("run", ["by_vt100", "by_killed_linux"])
def test_the_password_is_on_no_screen_and_in_no_file(run: str, request: pytest.FixtureRequest) -> None:
    installed: Installed = request.getfixturevalue(run)
    assert not [screen for screen in installed.screens if PASSWORD in screen]
    for suffix in (".log", ".journal.json", ".answers.toml"):
        assert PASSWORD not in Path(f"{installed.image}{suffix}").read_text()


@pytest.mark.vm
@pytest.mark.parametrize(("run", "name"), [("by_vt100", "plain"), ("by_killed_linux", "killed.example.org")])
def test_what_the_wizard_installed_boots_as_it_was_typed(run: str, name: str, request: pytest.FixtureRequest) -> None:
    installed: Installed = request.getfixturevalue(run)
    with Machine([Disk(installed.image)], name=run) as machine:
        host = machine.console
        host.login("root", PASSWORD, LOGIN_SECONDS)
        assert "xen_version            : 4.20" in host.check("xl info")
        if hvm_expected():
            assert "hvm" in host.check("xl info | grep virt_caps")
        assert host.check("hostname -f") == name
        assert "192.0.2.77/24" in host.check("ip -brief -4 address show xenbr0")
        assert "via 192.0.2.1 " in host.check("ip route show default")
        assert host.check("timedatectl show -p Timezone --value") == "Europe/Berlin"
        assert host.check("findmnt -no FSTYPE /var/lib/xen/images") == "ext4"
