"""Times of a replay as a HAR has them: an ISO 8601 date, and milliseconds of each phase."""

from replayd.model.outcome import Timings

_DAY = 86_400
_MILLISECOND = 1e6

NOT_APPLICABLE = -1.0
"""HAR 1.2: the phase does not belong to this request."""


def date_text(nanoseconds: int) -> str:
    """Writes a time since the epoch as `2026-01-31T23:59:59.123456Z`."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    days, rest = divmod(seconds, _DAY)
    year, month, day = _civil(days)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}.{fraction // 1000:06}"
    return f"{year:04}-{month:02}-{day:02}T{clock}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of days since 1970, in the Gregorian calendar.

    Counted from a 1 March, so that a leap day is the last of its year; 400 years, an era,
    have 146,097 days. (This module is pure: `datetime` knows the clock.)
    """
    era, day = divmod(days + 719_468, 146_097)
    year_of_era = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day_of_year = day - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day_of_month = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = (month_from_march + 2) % 12 + 1
    return era * 400 + year_of_era + (month <= 2), month, day_of_month


def phases(timings: Timings, *, reused: bool) -> dict[str, float]:
    """Returns HAR's `timings`: their sum, without `ssl`, is the whole.

    What a replay was doing when it failed has all the time that was left.
    """
    connected = timings.connected if timings.tls is None else timings.tls
    ends = {
        "connect": None if reused else connected,
        "send": timings.sent,
        "wait": timings.first_byte,
        "receive": timings.total,
    }
    reached = [name for name, end in ends.items() if end is not None and name != "receive"]
    names = [name for name in ends if not (reused and name == "connect")]
    failed_in = names[names.index(reached[-1]) + 1] if reached else names[0]
    lengths: dict[str, float] = {}
    before = 0
    for name in names:
        end = timings.total if name == failed_in else ends[name]
        after = before if end is None else max(before, end)
        lengths[name] = (after - before) / _MILLISECOND
        before = after
    return {
        "blocked": NOT_APPLICABLE,
        "dns": NOT_APPLICABLE,
        "connect": NOT_APPLICABLE,
        **lengths,
        "ssl": _handshake(timings),
    }


def _handshake(timings: Timings) -> float:
    """TLS, which HAR 1.2 counts into `connect` as well."""
    if timings.tls is None or timings.connected is None:
        return NOT_APPLICABLE
    return (timings.tls - timings.connected) / _MILLISECOND
