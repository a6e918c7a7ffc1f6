import click
import grpc
import pytest
from flowreplay.v1.history_pb2 import SummarizeRequest, SummarizeResponse
from flowreplay_client import Client, ReplaydClientError
from replayctl.options.fail_on import check_assertions

from tests.support.fake_daemon import FakeDaemon, Refuse


def test_the_daemon_reads_assertions_first(client: Client, fake: FakeDaemon) -> None:
    fake.answers["Summarize"] = SummarizeResponse()
    check_assertions(client, ["error", "p95>1s"])
    expected = SummarizeRequest(assertions=["error", "p95>1s"], validate_only=True)
    assert fake.requests == [expected]


def test_what_every_daemon_knows_is_not_asked(client: Client, fake: FakeDaemon) -> None:
    check_assertions(client, ["error"])
    assert fake.requests == []


def test_what_it_can_not_read_is_wrong_usage(client: Client, fake: FakeDaemon) -> None:
    fake.answers["Summarize"] = Refuse(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_OPTIONS", "there is no speed"
    )
    with pytest.raises(click.UsageError, match="--fail-on: there is no speed"):
        check_assertions(client, ["speed>1"])


def test_another_refusal_is_none(client: Client, fake: FakeDaemon) -> None:
    fake.answers["Summarize"] = Refuse(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    with pytest.raises(ReplaydClientError):
        check_assertions(client, ["status"])
