"""Dates and times as captures write them, in seconds since the epoch."""

import calendar
import re

_ISO_8601 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,20}))?"
    r"\s?(?:Z|([+-])(\d\d):?(\d\d))?",
    re.ASCII | re.IGNORECASE,
)
"""As HAR 1.2 asks for; Python's and some tools' small departures from it."""

_JAVA = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d) (\w{1,5}) (\d{4})", re.ASCII
)
"""As Java's Date writes itself: `Sun Mar 31 19:58:09 CDT 2019`."""

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

_ZONES = {"EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8}
_ZONES |= {"GMT": 0, "UTC": 0, "WET": 0, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}
"""Hours from UTC: those of RFC 5322 section 4.3, and Europe's."""


def iso_8601(said: str) -> float | None:
    """Reads a date and time, without a zone as UTC; None: it is none."""
    found = _ISO_8601.fullmatch(said.strip()) if len(said) < 80 else None
    if found is None:
        return None
    seconds = _seconds([int(part) for part in found.groups()[:6]])
    if seconds is None:
        return None
    fraction, sign, zone_hours, zone_minutes = found.groups()[6:]
    if sign:
        zone = int(zone_hours) * 3600 + int(zone_minutes) * 60
        seconds += zone if sign == "-" else -zone
    # Read as one decimal number, it is the float nearest to what was written.
    return float(f"{seconds}.{fraction or 0}") if seconds >= 0 else None


def java_date(said: str) -> float | None:
    """Reads what Java's Date writes; None: it is none, or of a zone that is not known."""
    found = _JAVA.fullmatch(said)
    if found is None or found[1] not in _MONTHS or found[6] not in _ZONES:
        return None
    clock = [int(part) for part in found.groups()[1:5]]
    seconds = _seconds([int(found[7]), _MONTHS.index(found[1]) + 1, *clock])
    if seconds is None:
        return None
    seconds -= 3600 * _ZONES[found[6]]
    return float(seconds) if seconds >= 0 else None


def _seconds(fields: list[int]) -> int | None:
    """Returns what a calendar and a clock in UTC show; None: they never do."""
    year, month, day, hour, minute, second = fields
    if not (
        1970 <= year < 9999 and 1 <= month <= 12 and hour < 24 and minute < 60 and second <= 60
    ):
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))
