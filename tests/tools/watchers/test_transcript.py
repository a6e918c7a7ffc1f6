"""What a transcript takes for missed, repeated and different."""

from flowreplay.v1 import event_pb2

from tools.watchers.transcript import Transcript


def events(*sequences: int, batch_id: str = "b") -> list[event_pb2.Event]:
    return [event_pb2.Event(sequence=number, batch_id=batch_id) for number in sequences]


def test_what_is_shown_as_it_is_in_the_log_is_right() -> None:
    log = Transcript()
    assert log.show(1, events(2, 3)) == 3, "before the first watcher has them"
    log.keep(events(1, 2, 3, 4))
    assert log.show(2, events(3, 4)) == 4
    log.settle()
    assert (log.shown, log.wrong, log.findings) == (4, 0, [])


def test_a_gap_is_missed_and_a_repeat_repeated() -> None:
    log = Transcript()
    log.keep(events(1, 2, 3, 4, 5))
    assert log.show(1, events(4, 4, 5)) == 5
    assert (log.missed, log.repeated, log.different) == (2, 1, 0)
    assert log.findings == [
        "a resumed one was sent 4 right after 1",
        "a resumed one was sent 4 again, after 4",
    ]


def test_the_first_watchers_own_gap_counts() -> None:
    log = Transcript()
    log.keep(events(1, 3))
    assert (log.missed, log.wrong) == (1, 1)


def test_another_event_under_the_same_number_is_different_sooner_or_later() -> None:
    log = Transcript()
    log.keep(events(1))
    log.show(0, events(1, 2, 3, batch_id="other"))
    log.keep(events(2))
    assert log.different == 1
    log.settle()
    assert log.different == 3
    assert log.findings[-1] == "event 3 was shown, and is not in the log"
