"""Requests and responses that find each other."""

from collections.abc import Iterable

from replayd.formats.goreplay import window as module
from replayd.formats.goreplay.records import Records
from replayd.formats.goreplay.window import Window
from replayd.model.flow import CaptureNote, DamagedFlow, Flow, Found
from tests.support.captures import Dribble
from tests.support.gor import GET, post, record


def joined(data: bytes, keep: int = 1000, keep_size: int = 1 << 20) -> list[Flow | CaptureNote]:
    window = Window(keep, keep_size)
    found: list[Found] = []
    for each in Records(Dribble(data, 1 << 20)):
        found += window.add(each)
    return [each for each in (*found, *window.rest()) if not isinstance(each, DamagedFlow)]


def statuses(found: Iterable[Flow | CaptureNote]) -> list[tuple[str, int]]:
    flows = [each for each in found if isinstance(each, Flow)]
    return [(flow.flow_id, flow.response.status_code if flow.response else 0) for flow in flows]


def answer(status: int, record_id: str, kind: int = 2) -> bytes:
    return record(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status, kind, record_id)


def test_responses_are_joined_whenever_they_come() -> None:
    before = answer(201, "b") + record(GET, 1, "a") + record(GET, 1, "b") + record(GET, 1, "c")
    found = joined(before + answer(203, "c") + answer(202, "a"))
    assert statuses(found) == [("a", 202), ("b", 201), ("c", 203)]


def test_what_shares_an_id_is_joined_in_order() -> None:
    twice = record(GET, 1, "a") * 2 + answer(201, "a") + answer(202, "a")
    assert statuses(joined(twice)) == [("a", 201), ("a", 202)]
    early = answer(201, "a") + answer(202, "a") + record(GET, 1, "a") * 2
    assert statuses(joined(early)) == [("a", 201), ("a", 202)]


def test_flows_leave_when_they_are_answered() -> None:
    window = Window()
    records = list(Records(Dribble(record(GET, 1, "a") + answer(200, "a"), 1 << 20)))
    assert list(window.add(records[0])) == []
    assert len(list(window.add(records[1]))) == 1
    assert window.index == 1


def test_what_is_damaged_keeps_its_turn() -> None:
    window = Window()
    asked, answered = Records(Dribble(record(GET, 1, "a") + answer(200, "a"), 1 << 20))
    damaged = DamagedFlow("no record", 5)
    assert [*window.add(asked), *window.add_damaged(damaged)] == []
    flow, last = window.add(answered)
    assert (statuses([flow]), last, window.index) == ([("a", 200)], damaged, 2)


def test_a_request_waits_while_few_others_come() -> None:
    others = b"".join(record(GET, 1, f"b{n}") for n in range(5))
    data = record(GET, 1, "a") + others + answer(200, "a")
    assert statuses(joined(data, keep=10))[0] == ("a", 200)
    found = joined(data, keep=3)
    assert statuses(found)[0] == ("a", 0)
    late = [each.message for each in found if isinstance(each, CaptureNote)]
    assert late == ["a response whose request is missing (id a) was left out"]


def test_large_contents_make_it_wait_less() -> None:
    large = record(post(b"x" * 5000, b"Content-Length: 5000"), 1, "b")
    data = record(GET, 1, "a") + large + answer(200, "a")
    assert statuses(joined(data, keep_size=10_000))[0] == ("a", 200)
    assert statuses(joined(data, keep_size=4000))[0] == ("a", 0)


def test_early_responses_wait_no_longer_than_requests() -> None:
    data = b"".join(answer(200, f"a{n}") for n in range(5)) + record(GET, 1, "a0")
    assert statuses(joined(data, keep=10)) == [("a0", 200)]
    assert statuses(joined(data, keep=3)) == [("a0", 0)]


def test_large_early_responses_wait_less() -> None:
    large = record(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000, 2, "b")
    data = answer(200, "a") + large + record(GET, 1, "a")
    assert statuses(joined(data, keep_size=10_000)) == [("a", 200)]
    assert statuses(joined(data, keep_size=5000)) == [("a", 0)]


def test_what_answered_replays_is_left_out_and_noted_once() -> None:
    data = record(GET, 1, "a") + answer(500, "a", kind=3) * 3 + answer(200, "a")
    found = joined(data)
    assert statuses(found) == [("a", 200)]
    notes = [each for each in found if isinstance(each, CaptureNote)]
    assert len(notes) == 1
    assert "type 3" in notes[0].message


def test_the_window_is_bounded() -> None:
    assert module.MAX_WAITING <= 1000
    window = Window(100)
    for each in Records(Dribble(record(GET, 1, "a") * 5000, 1 << 20)):
        list(window.add(each))
    assert window.index == 4900
    assert len(list(window.rest())) == 100


def test_pipelined_requests_of_one_record_wait_one_by_one() -> None:
    window = Window(100)
    [only] = Records(Dribble(record(GET * 5000, 1, "a"), 1 << 20))
    assert len([each for each in window.add(only) if isinstance(each, Flow)]) == 4900


def test_responses_of_one_id_wait_one_by_one() -> None:
    late = record(GET, 1, "a")
    assert statuses(joined(answer(201, "a") * 100 + late, keep=100)) == [("a", 201)]
    *notes, flow = joined(answer(201, "a") * 101 + late, keep=100)
    assert statuses([flow]) == [("a", 0)]
    assert len(notes) == 1


def test_what_has_left_makes_nobody_wait_less() -> None:
    large = record(b"HTTP/1.1 200 X\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000, 2, "a")
    pair = record(GET, 1, "a") + large
    assert statuses(joined(pair * 4, keep_size=4000)) == [("a", 200)] * 4
