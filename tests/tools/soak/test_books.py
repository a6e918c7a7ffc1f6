"""The books of a soak: what they take for wrong."""

from flowreplay.v1 import event_pb2

from tools.soak.books import Books

Event = event_pb2.Event


def queued(sequence: int, count: int) -> Event:
    update = event_pb2.UpdateEvent(kind=event_pb2.UPDATE_KIND_QUEUED, replay_count=count)
    return Event(sequence=sequence, batch_id="b", update=update)


def response(sequence: int, index: int) -> Event:
    event = Event(sequence=sequence, batch_id="b", replay_id=f"b.{index}")
    event.response.SetInParent()
    return event


def cleared(sequence: int, first: int, last: int) -> Event:
    update = event_pb2.UpdateEvent(
        kind=event_pb2.UPDATE_KIND_CLEARED, replay_count=last - first + 1
    )
    update.ranges.add(batch_id="b", first_index=first, last_index=last)
    return Event(sequence=sequence, update=update)


def test_each_replay_ends_once() -> None:
    books = Books()
    error = Event(sequence=3, batch_id="b", replay_id="b.1")
    error.error.SetInParent()
    books.follow([queued(1, 4), response(2, 0), error])
    books.follow([cleared(4, 2, 3)])
    assert (books.queued, books.responses, books.errors, books.cleared) == (4, 1, 1, 2)
    assert (books.ended, books.latest, books.findings) == (4, 4, [])


def test_an_event_that_is_left_out_or_repeated_is_found() -> None:
    books = Books()
    books.follow([queued(1, 4), response(3, 0), response(3, 1)])
    assert books.findings == ["event 3 came after 1", "event 3 came after 3"]


def test_a_replay_that_ends_again_is_found() -> None:
    books = Books()
    books.follow([queued(1, 4), response(2, 0), response(3, 0), cleared(4, 2, 3), response(5, 3)])
    assert books.findings == ["replay b.0 ended again with 3", "replay b.3 ended again with 5"]
