"""Time zones by country, and what a keyboard layout suggests."""

from pathlib import Path

import pytest

from tests.wizard.driving import DATA
from xeninstall.wizard.zones import Zone, offset, suggested, zones

TABLE = DATA / "zoneinfo"


def test_each_zone_knows_its_countries_the_first_being_its_own() -> None:
    found = {zone.name: zone for zone in zones(TABLE)}
    assert found["Europe/Berlin"].countries[:2] == ("Germany", "Denmark")
    assert (found["America/New_York"].region, found["America/New_York"].city) == ("America", "New York")
    assert zones(TABLE)[0] == Zone("Etc/UTC")


@pytest.mark.parametrize(
    ("layout", "zone"),
    [("de", "Europe/Berlin"), ("ch", "Europe/Zurich"), ("no", "Europe/Berlin"), ("us", None), ("latam", None), ("pl", None)],
)
def test_a_layout_suggests_its_countrys_zone_where_there_is_no_doubt(layout: str, zone: str | None) -> None:
    assert suggested(layout, TABLE) == zone


def test_without_tzdata_there_is_utc(tmp_path: Path) -> None:
    assert zones(tmp_path) == (Zone("Etc/UTC"),)
    assert suggested("de", tmp_path) is None


def test_offsets_tell_summer_time_and_unknown_zones_nothing() -> None:
    assert offset("Etc/UTC") == "UTC+0"
    assert offset("Asia/Kolkata") == "UTC+5:30"
    assert offset("Europe/Berlin") == "UTC+1 / UTC+2"
    assert offset("Europe Berlin") == offset("../etc/passwd") == offset("") == ""
