"""What the system tests share: the built system image, installations by the real command line, consoles in reports."""

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import qemu
from .container import Roots, made_roots
from .installer import REPOSITORY, SEED, xeninstall

if TYPE_CHECKING:
    from .receiving_host import ReceivingHost

EXAMPLE = REPOSITORY / "xeninstall/examples/default.toml"
PASSWORD = "xeninstall"  # as the example's comment says

Installed = Callable[[str], Path]


@pytest.fixture(scope="session")
def system_image() -> Path:
    """The system image that `make image` built."""
    path = Path(os.environ.get("XENINSTALL_TEST_SYSTEM", REPOSITORY / "build/system.squashfs"))
    if not path.is_file():
        pytest.fail(f"there is no {path}: run `make image` first", pytrace=False)
    return path


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for disk images; each takes a gigabyte, so they go at the end."""
    place = tmp_path_factory.mktemp("images")
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roots]:
    """Debians for containers."""
    with made_roots(tmp_path_factory.mktemp("roots")) as made:
        yield made


@pytest.fixture(scope="session")
def installed(images: Path, system_image: Path) -> Installed:
    """Installs by an answer file's text onto a new image; the same text gives the same image once more."""
    made: dict[str, Path] = {}

    def install(text: str) -> Path:
        if text not in made:
            number = len(made)
            answers, image = images / f"answers{number}.toml", images / f"host{number}.img"
            answers.write_text(text)
            run = xeninstall("install", answers, "--target", image, "--system", system_image, "--seed", SEED, timeout=300)
            assert run.status == 0, run.stdout + run.stderr
            made[text] = image
        return made[text]

    return install


@pytest.fixture(scope="session")
def receiving(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ReceivingHost]":
    """A host under Xen that takes machines from elsewhere."""
    from .receiving_host import receiving_host  # it takes its answers from here

    with receiving_host(installed, tmp_path_factory.mktemp("receiving")) as host:
        yield host


@pytest.fixture(scope="session")
def example(installed: Installed) -> Path:
    """An image installed by the shipped example."""
    return installed(EXAMPLE.read_text())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the machines of a failed test said."""
    report = yield
    if report.failed:
        for machine in qemu.machines:
            said = "\n".join(machine.console.said.splitlines()[-150:])
            report.sections.append((f"console of {machine.name}", said))
    if report.when == "teardown":
        qemu.machines[:] = [machine for machine in qemu.machines if machine.running()]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests have recorded."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name} {value}")
