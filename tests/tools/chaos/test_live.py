"""Which live value a request had to be sent with."""

from tests.tools.chaos.events import Writer
from tools.chaos.live import value_of


def due(writer: Writer, replay_id: str) -> str | None:
    replay = writer.log.named(replay_id)
    assert replay is not None
    return value_of(replay, writer.log.batches)


def test_it_is_what_the_first_flow_was_answered() -> None:
    writer = Writer()
    writer.queued(0, 2)
    assert due(writer, "b.1") == "recorded-t"
    writer.succeeded(0, answer=b"7")
    assert due(writer, "b.1") == "7"
    assert due(writer, "b.0") == "recorded-t"


def test_each_run_has_its_own() -> None:
    writer = Writer()
    for repeat in (0, 1):
        writer.update("QUEUED", (0, 1), label="t", repeat=repeat)
    writer.succeeded(0, answer=b"7")
    assert due(writer, "b.1.1") == "recorded-t"
    writer.succeeded(0, answer=b"8", run=".1")
    assert (due(writer, "b.1"), due(writer, "b.1.1")) == ("7", "8")


def test_what_is_sent_again_begins_with_what_was_learnt() -> None:
    writer = Writer()
    writer.queued(0, 2)
    writer.succeeded(0, answer=b"7")
    writer.interrupted(1, state="FAILED")
    writer.copied(1, 1, 1)
    assert due(writer, "c.1") == "7"
    writer.update("CLEARED", (2, 2))
    writer.log.batches["b"].forget()
    assert due(writer, "c.1") is None
