"""Flows captured over HTTP/2, and those sent with it without TLS."""

from typing import Any

from flowreplay.v1 import event_pb2

from replayd.model.flow import Flow
from replayd.model.plan import HttpVersion
from tests.support.replaying import Replaying, flow


def http2_flow(port: int, **more: Any) -> Flow:
    """A flow captured over HTTP/2, with no fields but the pseudo ones unless given."""
    given = {"headers": (), "http_version": b"HTTP/2.0", "authority": b"host.example"}
    return flow(port, **{**given, **more})


def run_http2(replaying: Replaying, *flows: Flow) -> list[event_pb2.Event]:
    """Sends flows over HTTP/2 or not at all; returns their outcomes."""
    return replaying.run(*flows, http_version=HttpVersion.TWO)
