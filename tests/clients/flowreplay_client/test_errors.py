import grpc
import pytest
from flowreplay_client import Client, EventsCompacted, ReplaydClientError, Unreachable, connect
from flowreplay_client.errors import late_answer

from tests.support.fake_daemon import COMPACTED, STOPPING, FakeDaemon, Refuse


def error_of(client: Client, fake: FakeDaemon, refusal: Refuse) -> ReplaydClientError:
    fake.answers["Count"] = refusal
    with pytest.raises(ReplaydClientError) as caught:
        client.count()
    return caught.value


def test_reason_message_and_metadata_come_from_the_daemon(client: Client, fake: FakeDaemon) -> None:
    refusal = Refuse(grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND", "no batch x", {"batch": "x"})
    error = error_of(client, fake, refusal)
    assert type(error) is ReplaydClientError
    assert (error.reason, str(error)) == ("BATCH_NOT_FOUND", "no batch x")
    assert (error.metadata, error.code) == ({"batch": "x"}, grpc.StatusCode.NOT_FOUND)


def test_a_stopping_daemon_is_unreachable_in_its_own_words(
    client: Client, fake: FakeDaemon
) -> None:
    error = error_of(client, fake, STOPPING)
    assert isinstance(error, Unreachable)
    assert (error.reason, error.message) == ("DAEMON_STOPPING", "the daemon is stopping")


def test_compaction_says_what_is_left(client: Client, fake: FakeDaemon) -> None:
    error = error_of(client, fake, COMPACTED)
    assert isinstance(error, EventsCompacted)
    assert (error.oldest_sequence, error.latest_sequence) == (5, 9)


def test_an_error_without_details_has_no_reason(client: Client, fake: FakeDaemon) -> None:
    error = error_of(client, fake, Refuse(grpc.StatusCode.INTERNAL))
    assert (error.reason, error.metadata, error.message) == ("", {}, "the fake says no")


def test_another_server_is_told_apart(client: Client, fake: FakeDaemon) -> None:
    error = error_of(client, fake, Refuse(grpc.StatusCode.UNIMPLEMENTED, message="what?"))
    assert "is it a replayd?" in error.message
    assert fake.address in error.message


def test_no_daemon_says_where_why_and_what_to_do() -> None:
    with connect("unix:/nowhere/at.all") as client, pytest.raises(Unreachable) as caught:
        client.count()
    message = str(caught.value)
    assert "unix:/nowhere/at.all" in message
    assert "No such file" in message
    assert "replayd serve" in message
    assert "last error" not in message


def test_a_late_answer_says_so() -> None:
    error = late_answer("h:1")
    assert isinstance(error, Unreachable)
    assert "h:1 did not answer in time" in error.message
