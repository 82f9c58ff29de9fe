"""What is dumped can be replayed: it loads into an equal value."""

import tempfile
from pathlib import Path

from hypothesis import given, settings

from xeninstall.answers.dump import dump
from xeninstall.answers.load import check, load
from xeninstall.answers.model import Answers, DiskMatch, Hooks, Root, SystemDisk, Xen

from .strategies import HASH, KEY, answers


@settings(max_examples=60, deadline=None)
@given(answers())
def test_a_dump_with_secrets_loads_into_an_equal_value(value: Answers) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.toml")
        path.write_text(dump(value, with_secrets=True), encoding="utf-8", newline="")
        assert check(path) == []
        assert load(path) == value


def test_only_what_differs_from_the_defaults_is_written_and_always_whether_the_disk_is_erased() -> None:
    text = dump(Answers(root=Root(ssh_keys=(KEY,))))
    keys = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert keys == ["[disk]", "erase = false", "[root]", f'ssh_keys = ["{KEY}"]']


def test_each_key_stands_below_its_description() -> None:
    text = dump(Answers(root=Root(ssh_keys=(KEY,)), xen=Xen(dom0_vcpus=3)))
    assert "# Virtual CPUs of dom0; auto: as many as the machine has threads, 8 at most.\ndom0_vcpus = 3\n" in text


def test_sizes_are_written_as_people_write_them() -> None:
    xen = Xen(dom0_memory=1536 * 2**20)
    assert 'dom0_memory = "1536M"' in dump(Answers(root=Root(ssh_keys=(KEY,)), xen=xen))


def test_a_match_rule_for_any_disk_is_kept_although_it_has_no_keys() -> None:
    text = dump(Answers(root=Root(ssh_keys=(KEY,)), disk=SystemDisk(match=DiskMatch())))
    assert "\n[disk.match]\n" in text


def test_a_script_is_written_as_it_reads() -> None:
    script = '#!/bin/sh -e\necho "it\'s" > $XENINSTALL_ROOT/etc/motd\n'
    text = dump(Answers(root=Root(ssh_keys=(KEY,)), hooks=Hooks(installed=script)))
    assert f"installed = '''\n{script}'''\n" in text


def test_secrets_are_left_out_and_a_comment_says_so() -> None:
    value = Answers(root=Root(password_hash=HASH), hooks=Hooks(webhook="https://example.org/MARKER"))
    text = dump(value)
    assert HASH not in text
    assert "MARKER" not in text
    assert "# password_hash was given; it is a secret and left out here.\n" in text
    assert "# webhook was given; it is a secret and left out here.\n" in text
