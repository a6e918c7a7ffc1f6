"""The next record of a damaged stream: told by its beginning, its end and what it holds."""

import io
import re

import pytest

from replayd.formats import tnetstring
from replayd.formats.tnetstring import Records, TnetstringError
from replayd.formats.tnetstring_search import Search, Signature
from tests.support.captures import Dribble
from tests.support.work import limited_time

SIGNATURE = Signature(
    re.compile(rb"(?<!nested;)([0-9]{2,12}):[0-9]:[a-z]+;"), re.compile(b"7:version")
)


def record(fill: str = "x") -> bytes:
    payload = b"3:key;%d:%b,7:version;1:7#" % (len(fill), fill.encode())
    return b"%d:%b}" % (len(payload), payload)


def find(data: bytes, start: int = 0, *, step: int = 1 << 20, max_size: int = 1 << 20) -> list[int]:
    """Where records begin from `start` on."""
    search = Search(b"", Dribble(data, step), SIGNATURE, max_size)
    places = []
    while search.find(start):
        places.append(search.skipped)
        start = 1
    return places


@pytest.mark.parametrize("step", [1, 7, 100, 1 << 20])
def test_whole_records_are_found_in_any_pieces(step: int) -> None:
    damage = b"\n\n99:3:key;3:abc," + b"?" * 300
    data = record() + damage + record("y" * 200) + b"!"
    assert find(data, step=step) == [0, len(record()) + len(damage)]
    assert find(data, 1, step=step) == [len(record()) + len(damage)]


@pytest.mark.parametrize(
    "other",
    [
        record()[:-1],
        record()[:-1] + b"]",
        record().replace(b"version", b"missing"),
        b"nested;" + record(),
        record("z" * 2000),
        b"",
        b"12",
    ],
)
def test_what_only_looks_like_one_is_passed_over(other: bytes) -> None:
    data = b"#" + other + b"#" + record()
    assert find(data, max_size=1000) == [len(data) - len(record())]


def test_nothing_is_found_in_nothing() -> None:
    assert find(b"") == []
    assert Search(b"", io.BytesIO(), SIGNATURE, 9).ended()
    assert not Search(b"", io.BytesIO(), SIGNATURE, 9).begins_record()


def resumed(data: bytes) -> list[bytes | int]:
    """The payloads of a stream's records, and where damage begins."""
    records = Records(io.BytesIO(data))
    found: list[bytes | int] = []
    more = True
    while more:
        try:
            for each in records:
                if each.tag != b"}":
                    raise TnetstringError("not what was looked for", each.offset)
                found.append(each.payload)
            break
        except TnetstringError as error:
            found.append(error.byte_offset)
        more = records.resume(SIGNATURE)
    return found


A, B = record("a"), record("bb")
PAYLOADS = [A.partition(b":")[2][:-1], B.partition(b":")[2][:-1]]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (A + b"5:hello," + B, [PAYLOADS[0], len(A), PAYLOADS[1]]),
        (A[:-1] + b"?" + B, [0, PAYLOADS[1]]),
        (b"9" + A + B, [0, PAYLOADS[0], PAYLOADS[1]]),
        (b"1" + A + B, [0, PAYLOADS[0], PAYLOADS[1]]),
        (A + b"garbage" + B + b"garbage", [PAYLOADS[0], len(A), PAYLOADS[1], len(A + B) + 7]),
        (A + B[:-4], [PAYLOADS[0], len(A)]),
        (A + B[4:], [PAYLOADS[0], len(A)]),
        (A + b"999999999999:" + B, [PAYLOADS[0], len(A), PAYLOADS[1]]),
        (A + b"5:hello,", [PAYLOADS[0], len(A)]),
        (b"70:" + b"." * 10 + A + B[:-1] + b"?" + A, [0, PAYLOADS[0], len(A) + 13, PAYLOADS[0]]),
    ],
)
def test_records_go_on_after_damage(data: bytes, found: list[bytes | int]) -> None:
    assert resumed(data) == found


def test_the_places_of_records_are_right_after_damage() -> None:
    records = Records(io.BytesIO(A + b"??" + B))
    assert [each.offset for each in (next(iter(records)),)] == [0]
    with pytest.raises(TnetstringError):
        list(records)
    assert records.resume(SIGNATURE)
    [last] = records
    assert (last.offset, last.payload_offset) == (len(A) + 2, len(A) + 5)


def test_candidates_take_the_time_of_their_bytes() -> None:
    many = b"900000:1:a;}}}}}}" * 60_000
    with limited_time(5):
        assert find(many + b"}" * 1_000_000) == []


def test_searching_in_what_had_to_be_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tnetstring, "_HANDLED_AGAIN", 0)
    damaged = record().replace(b"7:version", b"9:version")
    kept = b"%d:3:key;" % (1 << 20) + damaged.replace(b"9:v", b"7:v") * 30_000
    records = Records(io.BytesIO(b"x" + kept))
    resumed = 0
    with pytest.raises(TnetstringError):
        next(iter(records))
    while records.resume(SIGNATURE):
        resumed += 1
    assert 0 < resumed < 200
