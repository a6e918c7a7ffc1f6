"""Dates and timings of a HAR."""

import calendar
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replayd.formats.writers.har_time import date_text, phases
from replayd.model.outcome import Timings

MS = 1_000_000


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))
def test_dates_are_those_of_the_calendar(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    nanoseconds = calendar.timegm(moment.timetuple()) * 10**9 + moment.microsecond * 1000
    assert date_text(nanoseconds) == moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def of(*, reused: bool = False, **reached: int) -> dict[str, float]:
    timings = Timings(0, **{name: ms * MS for name, ms in reached.items()})
    found = phases(timings, reused=reused)
    assert (found["blocked"], found["dns"]) == (-1, -1)
    whole = sum(length for name, length in found.items() if name != "ssl" and length > 0)
    assert whole == reached.get("total", 0)
    return {name: found[name] for name in ("connect", "ssl", "send", "wait", "receive")}


@pytest.mark.parametrize(
    ("reached", "lengths"),
    [
        # connect, of which ssl, send, wait, receive
        ({"connected": 2, "tls": 5, "sent": 6, "first_byte": 16, "total": 20}, (5, 3, 1, 10, 4)),
        ({"connected": 2, "sent": 3, "first_byte": 4, "total": 5}, (2, -1, 1, 1, 1)),
        # Failed in the connecting, the handshake, the sending, the waiting, the receiving.
        ({"total": 30}, (30, -1, 0, 0, 0)),
        ({"connected": 2, "total": 30}, (2, -1, 28, 0, 0)),
        ({"connected": 2, "sent": 3, "total": 30}, (2, -1, 1, 27, 0)),
        ({"connected": 2, "sent": 3, "first_byte": 4, "total": 30}, (2, -1, 1, 1, 26)),
        # The server answered before everything was sent.
        ({"connected": 2, "first_byte": 4, "total": 5}, (2, -1, 0, 2, 1)),
        ({"connected": 2, "sent": 6, "first_byte": 4, "total": 8}, (2, -1, 4, 0, 2)),
        # Ended with the daemon.
        ({}, (0, -1, 0, 0, 0)),
    ],
)
def test_phases(reached: dict[str, int], lengths: tuple[int, ...]) -> None:
    assert tuple(of(**reached).values()) == lengths


def test_a_kept_connection_was_not_connected() -> None:
    found = of(reused=True, sent=1, first_byte=4, total=5)
    assert tuple(found.values()) == (-1, -1, 1, 3, 1)
    assert tuple(of(reused=True, total=5).values()) == (-1, -1, 5, 0, 0)
