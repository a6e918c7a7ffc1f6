"""The options travel as given, and what is wrong with one is said before anything is sent."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from flowreplay.v1.flow_pb2 import Header
from flowreplay.v1.replay_pb2 import (
    EnqueueOptions,
    EnqueueRequest,
    EnqueueResponse,
    MapRemote,
    ModifyBody,
    ModifyHeaders,
    Parameter,
)
from replayctl.cli import cli

from tests.support.fake_daemon import FakeDaemon

GIVEN = [
    *("--target", "https://staging.test", "--map-remote", "|a|b", "--map-remote", "|c|d"),
    *("--modify-headers", "/~q/A/1", "--modify-body", "/a/b", "--set-header", "B: 2"),
    *("--remove-header", "C", "--set-query", "q=1", "--set-cookie", "k=v"),
    *("--host", "shop.test", "--server-name", "tls.test"),
]
EXPECTED = EnqueueOptions(
    target="https://staging.test",
    map_remote=[
        MapRemote(url_regex="a", replacement="b"),
        MapRemote(url_regex="c", replacement="d"),
    ],
    modify_headers=[ModifyHeaders(filter="~q", name=b"A", value=b"1")],
    modify_body=[ModifyBody(regex=b"a", replacement=b"b")],
    set_headers=[Header(name=b"B", value=b"2")],
    remove_headers=[b"C"],
    set_query=[Parameter(name=b"q", value=b"1")],
    set_cookies=[Parameter(name=b"k", value=b"v")],
    host="shop.test",
    server_name="tls.test",
)


def test_they_travel_as_given(fake: FakeDaemon, captures: Path) -> None:
    fake.enqueues.append(EnqueueResponse(batch_id="b", accepted_count=1, cursor="c"))
    capture = str(captures / "mut-unknown-key.mitm")
    CliRunner().invoke(
        cli, ["--address", fake.address, "enqueue", *GIVEN, capture], catch_exceptions=False
    )
    first = fake.requests[0]
    assert isinstance(first, EnqueueRequest)
    sent = first.options
    sent.ClearField("request_id")
    assert {field.name for field, _ in EXPECTED.ListFields()} <= {
        field.name for field, _ in sent.ListFields()
    }
    for field, value in EXPECTED.ListFields():
        assert getattr(sent, field.name) == value, field.name


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--map-remote", "|a"),
        ("--modify-headers", "|a|@/no/such"),
        ("--modify-body", "x"),
        ("--set-header", "x"),
        ("--set-query", "x"),
        ("--set-cookie", "=x"),
    ],
)
def test_what_is_wrong_is_said_at_once(captures: Path, option: str, value: str) -> None:
    capture = str(captures / "mut-unknown-key.mitm")
    done = CliRunner().invoke(cli, ["enqueue", option, value, capture])
    assert done.exit_code == 2
    assert f"'{option}'" in done.output
