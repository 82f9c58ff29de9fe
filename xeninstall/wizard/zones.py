"""The time zones of this system by country, from tzdata's own tables, and which one a keyboard layout suggests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FOLDER = Path("/usr/share/zoneinfo")
UTC_ZONE = "Etc/UTC"
# Layouts whose name is a language's or a group's, and the country that they are made for; others bear a country's code.
_COUNTRY_OF = {"latam": "", "ara": "", "epo": "", "brai": "", "cm": "CM", "uk": "UA", "us": "", "custom": "", "trans": ""}


@dataclass(frozen=True)
class Zone:
    """A zone, its countries (names in English) and, where a country has several, what part of it is meant."""

    name: str
    countries: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    part: str = ""

    @property
    def region(self) -> str:
        """Africa, America, …"""
        return self.name.partition("/")[0]

    @property
    def city(self) -> str:
        """As people write it: New York, Indiana/Indianapolis."""
        return self.name.partition("/")[2].replace("_", " ")


@cache
def zones(folder: Path = FOLDER) -> tuple[Zone, ...]:
    """All of them by name, UTC first. Without tzdata only UTC."""
    names = dict(line.split("\t", 1) for line in _lines(folder / "iso3166.tab") if "\t" in line)
    found = []
    for line in _lines(folder / "zone1970.tab"):
        fields = line.split("\t")
        if len(fields) >= 3:
            codes = tuple(fields[0].split(","))
            countries = tuple(names.get(code, code) for code in codes)
            found.append(Zone(fields[2], countries, codes, fields[3] if len(fields) > 3 else ""))
    return (Zone(UTC_ZONE), *sorted(found, key=lambda zone: zone.name))


def suggested(layout: str, folder: Path = FOLDER) -> str | None:
    """The zone that a keyboard layout's country has, when it has one only, or most people live in its first; else None."""
    code = _COUNTRY_OF.get(layout, layout[:2].upper())
    if not code:
        return None
    main = [zone.name for zone in zones(folder) if zone.codes[:1] == (code,)]
    whole = [zone.name for zone in zones(folder) if code in zone.codes]
    # The table lists a zone's biggest country first; a country in several zones as first one is too big to guess.
    return main[0] if len(main) == 1 else whole[0] if not main and len(whole) == 1 else None


def offset(name: str, folder: Path = FOLDER) -> str:
    """`UTC+1`, with summer time `UTC+1, in summer UTC+2`; empty for a zone that is not known."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    year = datetime.now(UTC).year
    seen = sorted({datetime(year, month, 15, tzinfo=zone).utcoffset() or timedelta() for month in (1, 7)})
    return " / ".join(_written(one) for one in seen)


def _written(off: timedelta) -> str:
    minutes = round(off.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    return [line for line in text.splitlines() if line and not line.startswith("#")]
