"""What is sent once more is what was asked for, and names what it sends again."""

from tests.tools.chaos.events import Writer


def found(writer: Writer) -> dict[str, int]:
    writer.log.settle()
    return dict(writer.findings.counts)


def parked() -> Writer:
    """A batch of five, of which the replays 1 and 3 are parked, and 4 has failed."""
    writer = Writer()
    writer.queued(0, 4)
    for index in (1, 3):
        writer.interrupted(index)
    writer.interrupted(4, state="FAILED")
    return writer


def resent(writer: Writer) -> Writer:
    writer.update("RESOLVED", (1, 1), (3, 3), resent_batch_id="c")
    return writer


def slots(writer: Writer) -> list[int]:
    return sorted(writer.log.batches["c"].replays)


def test_what_is_parked_is_sent_again() -> None:
    writer = resent(parked())
    writer.copied(1, 3, 2)
    assert slots(writer) == [1, 3]
    writer.succeeded(1, batch="c", resends="b.1")
    assert not found(writer)
    assert [str(each.batch.batch_id) for each in writer.log.of_flow("t", 1)] == ["b", "c"]


def test_what_has_failed_is_sent_again() -> None:
    writer = parked()
    writer.copied(4, 4, 1)
    assert slots(writer) == [4]
    writer = resent(parked())
    writer.copied(1, 4, 3)
    assert slots(writer) == [1, 3, 4]
    assert not found(writer)


def test_it_is_known_of_what_is_over_too() -> None:
    writer = resent(parked())
    writer.update("CLEARED", (0, 0), (2, 2))
    writer.log.forget()
    writer.copied(1, 4, 3)
    assert slots(writer) == [1, 3, 4]
    writer.interrupted(0)
    assert found(writer) == {"outcomes": 1}


def test_others_than_those_are_found() -> None:
    writer = resent(parked())
    writer.copied(0, 4, 4)
    assert found(writer) == {"copies": 1, "outcomes": 1}
    writer = resent(parked())
    writer.copied(1, 1, 1)
    assert found(writer) == {"copies": 1}


def test_what_has_not_ended_is_not_sent_again() -> None:
    writer = parked()
    writer.copied(0, 1, 2)
    assert found(writer) == {"copies": 1}


def test_what_is_promised_is_queued() -> None:
    assert found(resent(parked())) == {"copies": 1}


def test_it_has_to_name_what_it_sends_again() -> None:
    writer = resent(parked())
    writer.copied(1, 3, 2)
    writer.succeeded(1, batch="c")
    writer.succeeded(0, resends="b.1")
    assert found(writer) == {"copies": 2}


def test_it_is_of_a_batch_that_there_is() -> None:
    writer = parked()
    writer.copied(4, 4, 1, of="x")
    assert found(writer) == {"copies": 1, "outcomes": 1}
    writer = parked()
    writer.copied(4, 4, 1, label="u")
    assert found(writer)["copies"] == 1
