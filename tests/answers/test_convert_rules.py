"""The rules of a conversion: what it needs, and what of an installation it refuses."""

from pathlib import Path

import pytest

from p2v.image.table import FORMATS
from p2v.request import PAGE_FILES
from p2v.vm.model import Mode
from xeninstall.answers.dump import dump
from xeninstall.answers.load import check, load
from xeninstall.answers.model import Answers, Dropped, ImageFormat, XenMode
from xeninstall.answers.outside import referred

LEAST = 'flow = "convert"\n[convert]\nname = "old"\ntarget = "/mnt"\n'


def problems(tmp_path: Path, text: str) -> list[str]:
    """`LINE: key: what; remedy`."""
    path = tmp_path / "answers.toml"
    path.write_text(text)
    return [f"{one.line}: {one.key}: {one.text}" for one in check(path)]


def test_a_name_and_a_target_are_enough(tmp_path: Path) -> None:
    assert problems(tmp_path, LEAST) == []
    answers = load(tmp_path / "answers.toml")
    assert (answers.flow, answers.convert.repair, answers.convert.verify, answers.convert.test_boot) == (
        "convert",
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('flow = "convert"\n', ["convert.name: missing, and flow convert needs it", "convert.target: missing"]),
        ('[root]\npassword_hash = "!"\n[convert]\nname = "x"\n', ["root.password_hash", "convert: given although the flow"]),
        (LEAST + "[disk]\nerase = true\n", ['disk: given although the flow is convert; leave it out, or set flow = "install"']),
        (LEAST + '[dns]\nmode = "serve"\nforwarders = ["192.0.2.1"]\n', ["dns.mode: serve, but a conversion serves nobody"]),
        (LEAST + '[network.ipv4]\nmethod = "static"\n', ["dns.mode: dhcp", "network.ipv4.address: missing"][1:]),
        (LEAST + '[hooks]\ninstalled = "#!/bin/sh"\n', ["hooks.installed: given although the flow is convert"]),
        (LEAST + 'format = "vhd"\ncompress = true\n', ["convert.compress: given, but vhd is not compressed"]),
        (LEAST + "repair = false\ndrop_hibernation = true\n", ["convert.drop_hibernation: given although nothing is repaired"]),
        (LEAST + 'repair = false\nunlock = ["/w"]\n', ["convert.unlock: given although nothing is repaired"]),
        (LEAST + 'repair = false\ndrivers = ["w"]\n', ["convert.drivers: given although nothing is repaired"]),
        (LEAST + 'unlock = ["/w", "/w"]\n', ["convert.unlock[1]: '/w' is given twice"]),
        (LEAST + 'test_marker = "up"\n', ["convert.test_marker: given although nothing is started"]),
        (LEAST + 'memory = "1M"\n', ["convert.memory: too little for a virtual machine"]),
        (LEAST + 'limit = "0"\n', ["convert.limit: 0 would never end"]),
        (LEAST + 'drop = ["page-files", "page-files"]\n', ["convert.drop[1]: 'page-files' is given twice"]),
        (LEAST + "[[convert.source]]\n", ["convert.source[0]: names no disk"]),
        (LEAST + '[[convert.source]]\nserial = "a"\npath = "/x"\n', ["convert.source[0].path: the disk is named by serial"]),
        (LEAST + '[[convert.source]]\nserial = "a"\n' * 2, ["convert.source[1].serial: a is given twice"]),
        (LEAST + '[[convert.nics]]\nnic = "eno1"\nbridge = "b"\n' * 2, ["convert.nics[1].nic: 'eno1' is given twice"]),
        (LEAST + '[[convert.nics]]\nnic = "eno1"\n', ["convert.nics[0].bridge: missing"]),
        (LEAST.replace("/mnt", "mnt"), ["convert.target: neither an absolute path nor a URL"]),
        (LEAST.replace("/mnt", "LABEL=:x"), ["convert.target: not a label and a folder"]),
        (LEAST.replace("/mnt", "nfs://u:geheim@h/x"), ["convert.target: the URL holds a password"]),
        (LEAST.replace('"old"', '"old/x"'), ["convert.name: 'old/x' is not a name for a virtual machine"]),
        (LEAST + "start = true\n", ["convert.start: given although the target is a folder"]),
        (LEAST + 'identity = "/root/key"\n', ["convert.identity: given although the target is a folder"]),
        (LEAST + "discard = true\n", ["convert.discard: given, but only a xeninstall host keeps what a stopped"]),
        (LEAST.replace("/mnt", "xapi://h/x") + "discard = true\n", ["convert.discard: given, but only a xeninstall host"]),
        (LEAST.replace("/mnt", "nbd://h/x") + "test_boot = true\n", ["convert.test_boot: given, but a trial start"]),
        (LEAST + 'mode = "kvm"\n', ["convert.mode: "]),
        (LEAST.replace("convert", "convrt", 1), ["flow: 'convrt' is not one of install, bootstrap, convert; did"]),
        (LEAST + "nam = 1\n", ["convert.nam: unknown key; did you mean name?"]),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line(tmp_path: Path, text: str, found: list[str]) -> None:
    told = problems(tmp_path, text)
    assert len(told) == len(found), told
    for line in told:
        number, key, _ = line.split(": ", 2)
        assert number.isdecimal() and any(f"{key}: " in f"{one}: " or one.startswith(key) for one in found), (told, found)
    for one in found:
        assert any(one in line for line in told), (told, one)
    assert "geheim" not in "".join(told)


def test_what_is_written_down_is_read_again(tmp_path: Path) -> None:
    more = 'vcpus = 3\nmemory = "6G"\nlimit = "50M"\ndrop = ["page-files"]\nbridge = "br1"\ntest_boot = true\n'
    more += '[[convert.nics]]\nnic = "52:54:00:12:34:56"\nbridge = "br7"\n'
    more += '[[convert.source]]\nwwn = "0x5000"\n[finish]\nafter = "reboot"\n'
    assert problems(tmp_path, LEAST + more) == []
    answers = load(tmp_path / "answers.toml")
    (tmp_path / "again.toml").write_text(dump(answers))
    assert load(tmp_path / "again.toml") == answers
    assert 'memory = "6G"' in dump(answers)


def test_files_beside_the_answers_are_found_there_and_come_along(tmp_path: Path) -> None:
    assert problems(tmp_path, LEAST.replace("/mnt", "xapi://h") + "test_boot = true\n") == []
    more = 'identity = "key"\npassword_file = "in/secret"\nca = "/etc/ca.pem"\ntest_boot = true\n'
    more += 'unlock = ["word", "/run/word"]\ndrivers = ["virtio-win/w10"]\n'
    assert problems(tmp_path, LEAST.replace("/mnt", "ssh://h") + more) == []
    path = tmp_path / "answers.toml"
    convert = load(path).convert
    assert (convert.identity, convert.password_file) == (f"{tmp_path}/key", f"{tmp_path}/in/secret")
    assert (convert.unlock, convert.drivers) == ((f"{tmp_path}/word", "/run/word"), (f"{tmp_path}/virtio-win/w10",))
    assert convert.ca == "/etc/ca.pem" and referred(path) == ["key", "in/secret", "word", "virtio-win/w10"]


def test_the_answers_words_are_the_engines() -> None:
    assert {one.value for one in XenMode} == {one.value for one in Mode} | {"auto"}
    assert {one.value for one in ImageFormat} == set(FORMATS) - {"null"}
    assert [one.value for one in Dropped] == [PAGE_FILES]
    assert Answers.model_fields["convert"].default.format.value in FORMATS
