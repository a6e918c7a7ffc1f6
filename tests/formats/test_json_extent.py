"""Where JSON values end."""

import pytest

from replayd.formats.json_extent import MAX_DEPTH, Extent, Scalar, UnbalancedError


@pytest.mark.parametrize(
    "value",
    [
        b'""',
        b'"a\\"b"',
        b'"\\\\"',
        b"{}",
        b'{"}": "]"}',
        b'["\\\\\\"]"]',
        b"[[], {}, 1]",
        b'[{"a": "}", "b": [1, "]"]}, {"c": "\\"}"}, [[{}]]]',
    ],
)
def test_an_extent_ends_where_its_value_does(value: bytes) -> None:
    data = b"  " + value + b', "more": [1]'
    assert Extent().feed(data, 2) == 2 + len(value)
    for cut in range(3, 2 + len(value)):
        extent = Extent()
        assert extent.feed(data[:cut], 2) is None
        assert extent.feed(data[cut:], 0) == 2 + len(value) - cut


def test_a_scalar_ends_before_what_can_follow_it() -> None:
    for end in b",]}: \n":
        assert Scalar().feed(b"-1.5e3%c" % end, 0) == 6
    assert Scalar().feed(b"-1.5e3", 0) is None


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"[}", 1),
        (b'{"a": [1}', 8),
        (b'[{"a": 1], {}]', 8),
        (b"[[1], 2}", 7),
        (b"[" * (MAX_DEPTH + 1), MAX_DEPTH),
    ],
)
def test_what_is_not_balanced_is_said(data: bytes, position: int) -> None:
    with pytest.raises(UnbalancedError) as caught:
        Extent().feed(data, 0)
    assert caught.value.position == position


def test_long_strings_of_escapes_take_no_memory_of_their_own() -> None:
    # A regular expression that remembered each would need gigabytes here.
    data = b'"' + b'\\"' * 2_000_000 + b'"'
    assert Extent().feed(data, 0) == len(data)
