"""Languages: every text has its German, nothing is left over, and sentences of the floors below are known by their patterns."""

import re
import string

import pytest

from tests.wizard.driving import MACHINES, machine
from tests.wizard.steps.test_review import settled
from tests.wizard.texts import LOCALES, texts
from xeninstall.machine.advice import virtualization_remedy, way_to_setup
from xeninstall.wizard.draft import Draft
from xeninstall.wizard.kit.language import _, catalog, counted, parse_po, said, switch
from xeninstall.wizard.planning import plan


def test_every_text_has_a_german_translation() -> None:
    missing = [f"{path}: {text[:60]}" for text, path in texts().items() if not catalog("de").get(text)]
    assert not missing, "\n".join(missing)


def test_each_translation_keeps_its_places() -> None:
    for text, translation in catalog("de").items():
        if re.search(r"\{\w+\}", text):
            assert _places(text) == _places(translation), text
        assert text.count("{}") >= translation.count("{}"), text


def test_no_translation_of_the_wizards_own_texts_is_left_over() -> None:
    known = texts()
    for path in [path for folder in LOCALES for path in folder.glob("*/*.po")]:
        if not path.name.startswith("below"):
            left = [text for text in parse_po(path.read_text(encoding="utf-8")) if text not in known]
            assert not left, path


def _places(text: str) -> set[str | None]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_stages_and_facts_of_a_plan_have_german_names() -> None:
    made = plan(settled())
    for name in [*(stage.title for stage in made.stages), *made.facts]:
        assert catalog("de").get(name), name


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_said_of_any_recorded_machine_is_said_in_german(name: str) -> None:
    found = machine(name)
    sentences = [obstacle.text for disk in found.disks for obstacle in disk.obstacles]
    sentences += [controller.advice for controller in found.controllers if controller.advice]
    sentences += [way_to_setup(found.firmware), virtualization_remedy(found)]
    switch("de")
    for sentence in filter(None, sentences):
        assert said(sentence) != sentence
        # Also what stands in the places of a pattern; menus of firmware and commands are English themselves.
        words = set(re.findall(r"[a-z]+", said(sentence)))
        assert not words & {"the", "while", "often", "under", "or", "is", "with", "of", "this", "press"}, said(sentence)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host.name", "a_b"),
        ("host.name", "12"),
        ("host.domain", "x..y"),
        ("network.vlan", 5000),
        ("network.vlan", "x"),
        ("network.ipv4", {"method": "static"}),
        ("network.ipv4", {"method": "static", "address": "192.0.2.10"}),
        ("network.ipv4", {"method": "static", "address": "192.0.2.0/24"}),
        ("network.ipv4", {"method": "static", "address": "192.0.2.10/24", "gateway": "198.51.100.1"}),
        ("network.ipv4", {"method": "static", "address": "192.0.2.10/24", "gateway": "192.0.2.10"}),
        ("network.ipv6", {"method": "static", "address": "2001:db8::1"}),
        ("dns", {"mode": "servers"}),
        ("dns", {"mode": "servers", "servers": ["x"]}),
        ("dns", {"mode": "serve"}),
        ("time", {"ntp": "servers"}),
        ("time.zone", "Europe Berlin"),
        ("disk.system_size", "4G"),
        ("disk.system_size", "much"),
        ("xen.dom0_memory", "1M"),
        ("xen.dom0_vcpus", "x"),
        ("xen.dom0_vcpus", 0),
        ("root.ssh_keys", ["x"]),
        ("root", {}),
    ],
)
def test_each_refusal_while_typing_is_said_in_german(key: str, value: object) -> None:
    draft = Draft({"root": {"password_hash": "!", "ssh_keys": []}} if key == "root" else {})
    draft.set(key, value)
    problems = draft.problems(key.partition(".")[0])
    assert problems
    switch("de")
    for problem in problems:
        for half in problem.text.split("; "):
            assert said(half) != half, half


def test_a_pattern_takes_no_more_than_its_half() -> None:
    switch("de")
    german = "von /dev/sdz1 wurde das Installationsprogramm gestartet; nehmen Sie eine andere Platte"
    assert said("the installer was booted from /dev/sdz1; take another disk") == german


def test_a_number_picks_its_form() -> None:
    assert counted("{n} disk", "{n} disks", 1) == "1 disk"
    switch("de")
    assert counted("{n} disk", "{n} disks", 3) == "3 Platten"
    assert _("a text that nobody translated") == "a text that nobody translated"


def test_a_catalog_may_break_its_texts_over_lines() -> None:
    text = 'msgid ""\nmsgstr "Language: de"\n\n#: a comment\nmsgid "a"\n"b\\n"\nmsgstr ""\n"c \\"d\\""\n'
    assert parse_po(text) == {"ab\n": 'c "d"'}
