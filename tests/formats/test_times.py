"""Dates and times; those of HARs are tested with HARs too."""

import pytest

from replayd.formats.times import iso_8601, java_date


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2020-09-01T13:57:52.211861-06:00", 1598990272.211861),
        ("2020-09-01 19:57:52,5", 1598990272.5),
        ("2020-02-29T00:00:00.0000000+01:00", 1582930800),
        ("2021-02-29T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("1970-01-01T00:00:00+01:00", None),
        ("2020-09-01T24:00:00Z", None),
        ("soon", None),
        ("", None),
        ("2020-09-01T13:57:52Z" + " " * 99, None),
    ],
)
def test_iso_8601(said: str, seconds: float | None) -> None:
    assert iso_8601(said) == seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Sun Mar 31 19:58:09 CDT 2019", 1554080289),
        ("Sun Mar 31 19:58:09 GMT 2019", 1554062289),
        ("Fri Mar 01 00:00:00 CEST 2024", 1709244000),
        ("Fri Mar 01 00:00:00 XYZ 2024", None),
        ("Fri Foo 01 00:00:00 GMT 2024", None),
        ("Sun Feb 30 00:00:00 GMT 2020", None),
        ("Thu Jan 01 00:00:00 CET 1970", None),
        ("2019", None),
    ],
)
def test_java_dates(said: str, seconds: float | None) -> None:
    assert java_date(said) == seconds
