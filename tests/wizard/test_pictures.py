"""The pictures in the README are the wizard as it is, and show alike for everybody."""

import asyncio
import os
import re
import xml.etree.ElementTree as ElementTree

from tests.wizard.export import PICTURES, pictures
from xeninstall.wizard.install import INSTALL, START


def test_there_is_one_of_every_step_and_each_is_what_the_step_looks_like_now() -> None:
    made = asyncio.run(pictures())
    if os.environ.get("RENEW_GOLDEN") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        for old in PICTURES.glob("*.svg"):
            old.unlink()
        for name, svg in made.items():
            (PICTURES / f"{name}.svg").write_text(svg)
    # Packs are asked about only where there are some.
    assert {step.NAME for step in [*START.steps, *INSTALL.steps]} - {"packs"} <= {name.partition("-")[2] for name in made}
    kept = {path.stem: path.read_text() for path in PICTURES.glob("*.svg")}
    assert sorted(kept) == sorted(made)
    changed = [name for name in made if made[name] != kept[name]]
    assert not changed, "the screens changed; make screens renews the pictures: look at them"


def test_they_ask_for_nothing_from_elsewhere() -> None:
    for path in PICTURES.glob("*.svg"):
        svg = path.read_text()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert not re.search(r"url\(|href|@import|src=", svg)
