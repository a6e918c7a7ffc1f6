import pytest

from replayd.units import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("512", 512),
        ("64k", 65536),
        ("64M", 64 << 20),
        ("1 g", 1 << 30),
        ("2MiB", 2 << 20),
    ],
)
def test_sizes_are_read_with_their_unit(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5m", "1t", "1 2"])
def test_what_is_no_size_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write bytes, or a number with k, m or g"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10", 10.0), ("0.5", 0.5), ("500ms", 0.5), ("2m", 120.0), ("1 h", 3600), ("7d", 604800)],
)
def test_durations_are_read_with_their_unit(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "s", "-1", "1w", "nan", "inf"])
def test_what_is_no_duration_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write seconds, or a number with"):
        parse_duration(text)


def test_what_no_disk_has_and_no_clock_counts_is_refused() -> None:
    assert parse_size("1073741824g") == 1 << 60
    with pytest.raises(ValueError, match="write 1073741824g at most"):
        parse_size("1073741825g")
    assert parse_duration("36500d") == 36500 * 86400
    with pytest.raises(ValueError, match="is longer than 36500d"):
        parse_duration("9" * 30)
