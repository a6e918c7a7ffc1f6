"""An export as an iterator of bytes."""

import io

import grpc
import pytest
from flowreplay.v1.history_pb2 import ExportRequest, ExportResponse
from flowreplay.v1.replay_pb2 import CAPTURE_FORMAT_HAR
from flowreplay_client import Client, ReplaydClientError, Unreachable, connect, request_flow

from tests.support.captures import flows_of
from tests.support.daemon import Daemon
from tests.support.fake_daemon import HANG, STOPPING, FakeDaemon, Refuse
from tests.support.recorder import Recorder

BEGUN = ExportResponse(cursor="c")
UNKNOWN = Refuse(grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND")


def chunk(data: bytes, exported: int, left_out: int = 0) -> ExportResponse:
    return ExportResponse(chunk=data, exported_count=exported, left_out_count=left_out)


def test_it_yields_the_bytes_and_counts(client: Client, fake: FakeDaemon) -> None:
    fake.exports.append([BEGUN, chunk(b"ab", 1), chunk(b"c", 2), chunk(b"", 2, 3)])
    with client.export("b", "har") as export:
        assert b"".join(export) == b"abc"
    assert (export.exported_count, export.left_out_count) == (2, 3)
    assert fake.requests == [ExportRequest(batch_id="b", format=CAPTURE_FORMAT_HAR)]


def test_an_unknown_batch_is_known_at_once(client: Client, fake: FakeDaemon) -> None:
    fake.exports.append([UNKNOWN])
    with pytest.raises(ReplaydClientError) as caught:
        client.export("b", "har")
    assert caught.value.reason == "BATCH_NOT_FOUND"


def test_what_breaks_off_does_not_look_whole(client: Client, fake: FakeDaemon) -> None:
    fake.exports.append([BEGUN, chunk(b"ab", 1), STOPPING])
    with pytest.raises(Unreachable, match="stopping"):
        list(client.export("b", "har"))


def test_a_silent_daemon_is_unreachable(fake: FakeDaemon) -> None:
    fake.exports.append([HANG])
    with (
        connect(fake.address, timeout=0.1) as client,
        pytest.raises(Unreachable, match="did not answer in time"),
    ):
        client.export("b", "har")


def test_a_format_that_there_is_not_asks_nobody(client: Client, fake: FakeDaemon) -> None:
    with pytest.raises(ValueError, match="'zip' is not a capture format; use mitmproxy, har"):
        client.export("b", "zip")
    assert fake.requests == []


def test_a_real_daemon_exports(daemon: Daemon, target: Recorder) -> None:
    flow = request_flow("GET", f"http://{target.address}/a", flow_id="mine")
    with connect(daemon.address) as client:
        batch = client.enqueue([flow])
        for _ in client.watch(start=batch.cursor, batch_id=batch.batch_id, until_idle=True):
            pass
        export = client.export(batch.batch_id, "mitmproxy")
        (found,) = flows_of(io.BytesIO(b"".join(export)))
    assert (found.flow_id, export.exported_count) == ("mine", 1)
    assert found.response is not None
    assert found.response.status_code == 200
