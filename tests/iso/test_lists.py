"""The lists that decide what is in the image: a line without a reason does not pass."""

from pathlib import Path

import pytest

from iso.lists import read_left_out, read_packages, read_pins
from xeninstall.answers.model import PackageSet
from xeninstall.answers.package_sets import SETS
from xeninstall.base.errors import UsageError

ISO = Path(__file__).parents[2] / "iso"


def test_packages_txt_reads_and_gives_a_reason_for_each_package() -> None:
    packages = read_packages(ISO / "packages.txt")
    everything = [*packages.base.packages, *(package for section in packages.sets for package in section.packages)]
    assert len(everything) > 50
    assert all(len(package.reason) > 2 for package in everything)


def test_every_package_set_that_answers_can_ask_for_is_on_the_medium() -> None:
    sets = {section.name for section in read_packages(ISO / "packages.txt").sets}
    assert sets == {value.value for value in PackageSet} - {PackageSet.BASE.value}


def test_the_sets_that_apt_installs_on_a_host_are_those_of_the_medium() -> None:
    on_medium = {section.name: set(section.names) for section in read_packages(ISO / "packages.txt").sets}
    assert on_medium == {one.value: set(names) for one, names in SETS.items()}


def test_no_package_of_a_set_is_in_the_base_already() -> None:
    packages = read_packages(ISO / "packages.txt")
    for section in packages.sets:
        assert not set(section.names) & set(packages.base.names)


def test_no_package_is_asked_for_that_fights_ours() -> None:
    names = read_packages(ISO / "packages.txt").base.names
    assert not {"ifupdown", "network-manager", "systemd-timesyncd", "isc-dhcp-client"} & set(names)


@pytest.mark.parametrize(
    "line",
    [
        "bash",
        "bash # ",
        "bash  #",
        "bash shell",
        "bash# shell",
        "Bash  # shell",
        "bash=5  # shell",
        "[base]",
        "bash zsh  # shells",
    ],
)
def test_a_line_without_name_and_reason_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "packages.txt"
    path.write_text(f"# heading\n[base] Base\n{line}\n")
    with pytest.raises(UsageError, match=r"packages.txt:3: not a package with its reason") as refused:
        read_packages(path)
    assert "name  # reason" in refused.value.hint


def test_a_package_before_any_heading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("bash  # shell\n")
    with pytest.raises(UsageError, match="p:1"):
        read_packages(tmp_path / "p")


def test_a_package_named_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("[base] A\nbash  # shell\n[base] B\nbash  # again\n")
    with pytest.raises(UsageError, match=r"p:4: bash stands twice under \[base\]"):
        read_packages(tmp_path / "p")


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("# nothing\n")
    with pytest.raises(UsageError, match=r"no package under \[base\]"):
        read_packages(tmp_path / "p")


def test_groups_of_the_base_keep_their_headings(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("[base] A\nbash  # shell\n[base] B\nzsh  # other\n[extra] More\nvim  # editor\n")
    packages = read_packages(tmp_path / "p")
    assert [(package.name, package.heading) for package in packages.base.packages] == [("bash", "A"), ("zsh", "B")]
    assert [(section.name, section.title, section.names) for section in packages.sets] == [("extra", "More", ("vim",))]


def test_vendored_packages_are_pinned_to_one_wheel_each_with_a_reason() -> None:
    pins = {pin.name: pin for pin in read_pins(ISO / "vendored.txt")}
    assert pins["textual"].version == "8.2.8"
    # pydantic has compiled parts and comes from Debian, and typing-extensions must be the one that it was tested with.
    assert not {"pydantic", "typing-extensions", "psutil", "netifaces"} & set(pins)


@pytest.mark.parametrize("line", ["textual", "textual==8.2.8", "textual>=8 --hash=sha256:" + "0" * 64 + "  # why"])
def test_an_unpinned_package_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "v").write_text(line + "\n")
    with pytest.raises(UsageError, match="v:1: not a pinned package with its reason"):
        read_pins(tmp_path / "v")


def test_left_out_txt_becomes_options_of_dpkg_in_its_order() -> None:
    rules = read_left_out(ISO / "left_out.txt")
    assert rules.index("path-exclude=/usr/share/doc/*") < rules.index("path-include=/usr/share/doc/*/copyright")
    assert all(rule.startswith(("path-exclude=/", "path-include=/")) for rule in rules)


def test_a_path_left_out_without_reason_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l").write_text("- /usr/share/doc/*\n")
    with pytest.raises(UsageError, match="l:1: not a path with its reason"):
        read_left_out(tmp_path / "l")
