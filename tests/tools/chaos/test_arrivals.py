"""What reached the target, beside the log."""

from pathlib import Path

import pytest

from tests.tools.chaos.events import Writer
from tools.chaos.arrivals import Arrival, Arrivals, Book, Line
from tools.chaos.flows import Asked
from tools.chaos.marks import MARK, Freed, Held, Start, TargetStart, mark_of


def arrival(number: int, index: int, method: bytes = b"GET", what: str = "ok") -> Arrival:
    return Arrival(number, method, Asked("t", index, 0, what))


def compared(writer: Writer, *lines: Line) -> dict[str, int]:
    arrivals = Arrivals(writer.log, writer.findings)
    for line in lines:
        arrivals.compare(line)
    arrivals.settle()
    return dict(writer.findings.counts)


def queued(last: int = 0) -> Writer:
    writer = Writer()
    writer.queued(0, last)
    return writer


def test_each_answer_names_its_arrival() -> None:
    writer = queued()
    writer.succeeded(0, answer=b"7")
    assert not compared(writer, arrival(7, 0))
    assert compared(queued(), arrival(7, 0)) == {"unmarked": 1}


@pytest.mark.parametrize(
    ("answer", "line"),
    [(b"8", arrival(7, 0)), (b"", arrival(7, 0)), (b"7", arrival(7, 0, b"PUT"))],
)
def test_an_answer_that_nobody_gave_is_found(answer: bytes, line: Arrival) -> None:
    writer = queued()
    writer.succeeded(0, answer=answer)
    assert compared(writer, line) == {"answers": 1}


def test_a_repeat_has_to_be_marked() -> None:
    writer = queued()
    writer.update("REQUEUED", (0, 0))
    writer.succeeded(0, attempt=2, answer=b"2")
    lines = [arrival(1, 0), arrival(2, 0)]
    assert not compared(writer, *lines)
    assert compared(writer, arrival(0, 0), *lines) == {"unmarked": 1}


def test_a_connection_that_breaks_may_cost_one_more_in_each_attempt() -> None:
    writer = queued()
    writer.update("REQUEUED", (0, 0))
    writer.succeeded(0, attempt=2, answer=b"3")
    three = [arrival(number, 0) for number in (1, 2, 3)]
    assert not compared(writer, TargetStart(), *three)
    assert compared(writer, TargetStart(), arrival(0, 0), *three) == {"unmarked": 1}


def test_a_second_try_in_the_attempt_that_was_interrupted_is_told_by_its_end() -> None:
    writer = queued()
    writer.interrupted(0)
    lines = [arrival(number, 0, b"PUT", "close") for number in (1, 2, 3)]
    assert "unmarked" not in compared(writer, *lines[:2])
    assert compared(writer, *lines)["unmarked"] == 1


def test_a_post_arrives_once_at_most() -> None:
    writer = queued()
    writer.interrupted(0)
    assert not compared(writer, arrival(1, 0, b"POST"))
    found = compared(writer, arrival(1, 0, b"POST"), arrival(2, 0, b"POST"))
    assert found == {"post twice": 1, "unmarked": 1}


def test_a_post_that_is_to_be_sent_again_may_arrive_twice() -> None:
    writer = Writer()
    writer.queued(0, 0, label="tr")
    writer.update("REQUEUED", (0, 0))
    writer.succeeded(0, attempt=2, answer=b"2", method=b"POST", tag="tr")
    asked = Asked("tr", 0, 0, "ok")
    assert not compared(writer, *(Arrival(number, b"POST", asked) for number in (1, 2)))


def test_what_was_cleared_does_not_arrive() -> None:
    writer = queued()
    writer.update("CLEARED", (0, 0))
    assert compared(writer, arrival(1, 0)) == {"cleared sent": 1}
    writer.log.forget()
    assert compared(writer, arrival(2, 0)) == {"cleared sent": 2}


def test_each_replay_of_a_flow_arrives_by_itself() -> None:
    writer = queued()
    writer.interrupted(0)
    writer.update("RESOLVED", (0, 0), resent_batch_id="c")
    writer.copied(0, 0, 1)
    writer.succeeded(0, batch="c", resends="b.0", answer=b"2", method=b"POST")
    lines = [arrival(number, 0, b"POST") for number in (1, 2)]
    assert not compared(writer, *lines)
    assert compared(writer, arrival(0, 0, b"POST"), *lines) == {"post twice": 1, "unmarked": 1}


def test_the_runs_of_a_batch_keep_their_order() -> None:
    writer = queued(1)
    writer.update("QUEUED", (0, 1), label="t", repeat=1)
    for number, index, run in ((1, 0, ""), (2, 1, ""), (3, 0, ".1"), (4, 1, ".1")):
        writer.succeeded(index, run=run, answer=b"%d" % number)
    lines = [arrival(number, index) for number, index in ((1, 0), (2, 1), (3, 0), (4, 1))]
    assert not compared(writer, Start(1, paused=False), *lines)
    assert compared(writer, Start(1, paused=False), *lines[2:], *lines[:2])["order"] == 1


def test_what_is_not_in_the_log_does_not_arrive() -> None:
    assert compared(queued(), arrival(1, 1)) == {"lost": 1}


def test_a_session_keeps_its_order() -> None:
    start = Start(8, paused=False)
    again = (start, arrival(1, 0), arrival(2, 1), start, arrival(3, 0))
    assert "order" not in compared(queued(2), *again)
    assert compared(queued(2), *again[:3], arrival(3, 0))["order"] == 1
    assert compared(queued(2), start, arrival(4, 2), start, arrival(5, 1))["order"] == 1


def test_at_concurrency_1_all_keep_their_order() -> None:
    lines = [Arrival(1, b"GET", Asked("t", 1, 0, "ok")), Arrival(2, b"GET", Asked("t", 0, 1, "ok"))]
    assert "order" not in compared(queued(1), Start(8, paused=False), *lines)
    assert compared(queued(1), Start(1, paused=False), *lines)["order"] == 1


def test_nothing_arrives_in_a_pause() -> None:
    assert compared(queued(), Start(1, paused=True), arrival(1, 0))["pauses"] == 1


def test_nothing_of_a_paused_batch_arrives_but_what_is_stepped() -> None:
    writer = queued(2)
    for index in range(3):
        writer.succeeded(index, answer=b"%d" % index)
    zero, one, two = (arrival(number, number) for number in range(3))
    assert not compared(writer, zero, Held("b"), Held("other"), Freed("b"), one, two)
    assert not compared(writer, Held("b", 2), zero, one, Held("b"), Freed("b"), two)
    assert compared(writer, Held("b", 1), zero, one, Freed("b"), two) == {"steering": 1}
    assert compared(writer, zero, Held("b"), one, two)["steering"] == 3


def test_a_batch_that_was_steered_may_overtake() -> None:
    writer = queued(1)
    writer.queued(0, 1, batch="d", label="u")
    first, second = (Arrival(1, b"GET", Asked(tag, 0, 0, "ok")) for tag in ("u", "t"))
    lines = (Start(1, paused=False), first, second)
    assert "order" in compared(writer, *lines)
    writer.findings.counts.clear()
    writer.update("MOVED", batch="d", priority=1)
    assert "order" not in compared(writer, *lines)


def test_a_request_carries_what_was_answered() -> None:
    writer = queued(1)
    writer.succeeded(0, answer=b"1")
    writer.succeeded(1, answer=b"2")
    lines = [arrival(1, 0), arrival(2, 1)._replace(live="1")]
    assert not compared(writer, *lines)
    lines[1] = lines[1]._replace(live="recorded-t")
    assert compared(writer, *lines) == {"live values": 1}


def test_what_a_hook_has_ended_does_not_arrive() -> None:
    writer = queued()
    writer.interrupted(0, state="KILLED", reason="HOOK_KILLED")
    assert compared(writer, arrival(1, 0)) == {"unmarked": 1}


def test_the_book_is_read_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "book"
    start = Start(8, paused=True)
    path.write_text(f"GET {MARK}{mark_of(start)}\nGET {arrival(1, 4).asked.path}\nGET /t/5")
    book = Book(path)
    assert list(book.new()) == [start, arrival(1, 4)]
    path.write_text(path.read_text() + f"/0/ok 17\nGET {MARK}{mark_of(TargetStart())}\n")
    assert list(book.new()) == [arrival(2, 5)._replace(live="17"), TargetStart()]
