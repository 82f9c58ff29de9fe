"""The README's pictures of the convert flow are its screens as they are."""

import asyncio
import os
from pathlib import Path

from p2v.preflight import Finding, Severity
from p2v.target.model import Storage
from p2v.wizard.flow import CONVERT
from p2v.wizard.looking import found
from p2v.wizard.steps.source import Source
from p2v.wizard.steps.target import TargetPlace
from p2v.wizard.steps.verdicts import Verdicts
from tests.wizard.driving import DATA, running
from tests.wizard.screens import strips_of
from tests.wizard.svg import svg
from xeninstall.base.sizes import GIB
from xeninstall.wizard.app import Wizard
from xeninstall.wizard.install import INSTALL, START

from .given import judged, recorded

_KEY = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
_STORAGES = (
    Storage("Local storage", "ext", 420 * GIB, default=True),
    Storage("SAN, second shelf", "lvmoiscsi", 12 * 1024 * GIB, thick=True),
    Storage("nfs-backup", "nfs", 3584 * GIB),
)
PICTURES = DATA / "screens" / "svg" / "convert"


async def _pictures() -> dict[str, str]:
    given, made = recorded(), {}
    first = next(disk for disk in given.machine.disks if not disk.removable)
    given.draft.set("convert.source", [{"serial": first.serial}])
    locked = "it is encrypted (LUKS2): it is copied whole, and what is in it is not repaired"
    remedy = "give its passphrase (convert.unlock)"
    judged(given, Finding(Severity.WARNING, f"{first.path}, partition 3", locked, remedy))
    given.reviewed = True
    app = Wizard(given, START, [INSTALL, CONVERT])
    async with running(app) as pilot:
        made["review"] = svg(strips_of(pilot))
        for name, step in (("source", Source), ("verdicts", Verdicts)):
            app.show(step)
            await pilot.pause()
            made[name] = svg(strips_of(pilot))
        given.draft.set("convert.target", "xapi://root@xcp1")
        given.draft.set("convert.host_key", _KEY)
        found(given).storages["xapi://root@xcp1"] = _STORAGES
        app.show(TargetPlace)
        await pilot.pause()
        made["target"] = svg(strips_of(pilot))
    return made


def test_the_pictures_are_what_the_screens_look_like_now() -> None:
    made = asyncio.run(_pictures())
    if os.environ.get("RENEW_GOLDEN") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        for name, picture in made.items():
            (PICTURES / f"{name}.svg").write_text(picture)
    kept = {path.stem: path.read_text() for path in Path(PICTURES).glob("*.svg")}
    assert kept == made, "the screens changed; make screens renews the pictures: look at them"
