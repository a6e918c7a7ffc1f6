"""The first response of a stream, and its absence."""

import threading
from collections.abc import Iterator

import grpc
import pytest
from flowreplay_client import ReplaydClientError
from flowreplay_client.stream import first_response

from tests.support.processes import DEADLINE


class Call:
    """A call with these responses; then it fails, ends, or is silent until cancelled."""

    def __init__(self, *responses: str, then: BaseException | None = None, ends: bool = True):
        self._responses = list(responses)
        self._then = then
        self._ends = ends
        self.cancelled = threading.Event()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._responses:
            return self._responses.pop(0)
        if not self._ends:
            assert self.cancelled.wait(DEADLINE)
            raise grpc.RpcError
        raise self._then or StopIteration

    def cancel(self) -> bool:
        self.cancelled.set()
        return True


def test_the_first_response_comes() -> None:
    call = Call("one", "two")
    assert first_response(call, DEADLINE, "unix:x") == "one"
    assert list(call) == ["two"]


def test_a_silent_daemon_is_late() -> None:
    with pytest.raises(TimeoutError):
        first_response(Call(ends=False), 0.01, "unix:x")


def test_an_error_is_the_call_s() -> None:
    with pytest.raises(grpc.RpcError):
        first_response(Call(then=grpc.RpcError()), DEADLINE, "unix:x")


def test_a_stream_without_a_word_is_nobody_s_we_know() -> None:
    with pytest.raises(ReplaydClientError, match="unix:x ended the stream without a word"):
        first_response(Call(), DEADLINE, "unix:x")
