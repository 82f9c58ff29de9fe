"""The draft: incomplete and wrong answers are kept as they were typed, whole ones are an answer file."""

from pathlib import Path

import pytest

from xeninstall.answers.examples import names, text
from xeninstall.answers.load import load
from xeninstall.answers.problems import AnswersError
from xeninstall.base.errors import UsageError
from xeninstall.wizard.draft import Draft
from xeninstall.wizard.planning import replayable

HASH = "$y$j9T$gtUPlCBk/yB8xVrIqraMm0$.K5KvhesvD9GY7NGl8c4bYiu7ZXC/Jsp9N.aLotTSK/"


def test_what_was_not_entered_has_the_answer_files_default() -> None:
    draft = Draft()
    assert draft.get("network.ipv4.method") == "dhcp"
    assert draft.get("packages.sets") == ["base"]
    assert draft.get("network.vlan") is None
    assert not draft.given("network.vlan")


def test_a_wrong_value_stays_as_typed_and_is_refused_in_words() -> None:
    draft = Draft()
    draft.set("network.vlan", "12a")
    assert draft.get("network.vlan") == "12a"
    assert [problem.key for problem in draft.problems("network")] == ["network.vlan"]
    assert draft.section("network").vlan is None
    draft.set("network.vlan", 4095)
    assert draft.problems("network")[0].text == "4095 is too large; the most is 4094"


def test_taking_the_last_key_out_takes_its_table_out() -> None:
    draft = Draft()
    draft.set("network.bond.mode", "802.3ad")
    draft.set("network.bond.mode", None)
    assert draft.data == {}


def test_rules_across_keys_speak_while_the_rest_is_missing() -> None:
    draft = Draft({"network": {"ipv4": {"method": "static", "address": "192.0.2.10/24", "gateway": "198.51.100.1"}}})
    assert [problem.key for problem in draft.problems("network")] == ["network.ipv4.gateway"]
    assert [problem.key for problem in draft.problems("root")] == ["root"]


def test_an_incomplete_draft_is_no_answer_file() -> None:
    with pytest.raises(UsageError, match="nobody could log in"):
        Draft().whole()


@pytest.mark.parametrize("name", names())
def test_a_draft_from_an_answer_file_is_whole_and_equal(name: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(text(name))
    draft = Draft.from_file(path)
    if "password" in text(name) and "password_stdin = true" in text(name):
        draft.set("root.password_hash", HASH)
        assert draft.whole().model_copy(update={"root": load(path, stdin=lambda: b"a password").root})
    elif not draft.problems():
        assert draft.whole() == load(path)


def test_a_password_that_is_left_out_is_asked_for_and_any_other_mistake_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text('[host]\nname = "xen9"\n[root]\npassword_stdin = true\n')
    draft = Draft.from_file(path)
    assert draft.get("host.name") == "xen9"
    assert [problem.key for problem in draft.problems()] == ["root"]
    path.write_text('[host]\nnam = "xen9"\n')
    with pytest.raises(AnswersError, match="did you mean name"):
        Draft.from_file(path)


def test_the_file_that_is_left_asks_for_the_password_and_is_whole_again(tmp_path: Path) -> None:
    answers = Draft({"root": {"password_hash": HASH}, "host": {"name": "xen9"}}).whole()
    path = tmp_path / "answers.toml"
    path.write_text(replayable(answers))
    assert HASH not in path.read_text()
    again = load(path, stdin=lambda: b"correct horse battery")
    assert again.model_copy(update={"root": answers.root}) == answers


def test_a_script_of_the_answer_file_is_kept_though_the_password_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("#!/bin/sh\ntrue\n")
    path = tmp_path / "answers.toml"
    path.write_text('[hooks]\ninstalled = "hook"\n')
    assert Draft.from_file(path).get("hooks.installed") == "#!/bin/sh\ntrue\n"
