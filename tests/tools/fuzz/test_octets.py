"""Bytes that are changed at random, but always alike."""

from random import Random

import pytest

from tools.fuzz.octets import MAX_SIZE, Octets

DATA = b"GET /a HTTP/1.1\r\nContent-Length: 25\r\n\r\n" * 3


def test_the_same_randomness_makes_the_same_bytes() -> None:
    octets = Octets([b"WORD"])
    made = [octets.changed(DATA, Random(number)) for number in range(500)]
    assert made == [octets.changed(DATA, Random(number)) for number in range(500)]
    assert len(set(made)) > 400
    assert sum(b"WORD" in each for each in made) > 10


@pytest.mark.parametrize("data", [b"", b"x", b"7", b"\n", b"9" * MAX_SIZE])
def test_any_bytes_can_be_changed_and_stay_short(data: bytes) -> None:
    octets = Octets([])
    assert all(len(octets.changed(data, Random(n))) <= MAX_SIZE for n in range(300))
