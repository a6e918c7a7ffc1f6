"""The synchronous run of a hook: asks its functions, across restarts of the daemon."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

import grpc
from flowreplay.v1.hook_pb2 import HookRequest, HookResponse

from flowreplay_client.access import Access, Metadata
from flowreplay_client.backoff import delays
from flowreplay_client.errors import ReplaydClientError, Unreachable, late_answer
from flowreplay_client.hook import Answer, Calls, Hook, answer_messages
from flowreplay_client.hook_flow import HookFlow
from flowreplay_client.stream import Stream, first_response
from flowreplay_client.watch import Interruption

_TOGETHER = 0.001
"""Seconds that an answer waits for others at most."""


class HookRun:
    """A registered hook.

    When the constructor returns, every replay that is taken from then on is asked about.
    `serve` asks the functions, in the order of the calls, in the thread that calls it; with
    `with` a thread of its own does, until the end of the block. Any thread may close.
    """

    def __init__(
        self,
        open_stream: Callable[..., Stream[HookResponse]],
        hook: Hook,
        access: Access,
        timeout: float,
        *,
        on_interruption: Interruption | None,
        on_return: Callable[[], None] | None,
    ) -> None:
        self._open_stream = open_stream
        self._hook = hook
        self._access = access
        self._timeout = timeout
        self._on_interruption = on_interruption
        self._on_return = on_return
        self._shown: Metadata | None = None
        self._closed = threading.Event()
        # Guards `_call` and `_outbox` against a close between their making and their storing.
        self._lock = threading.Lock()
        self._call: Stream[HookResponse] | None = None
        self._outbox: queue.SimpleQueue[HookRequest | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.cursor = ""
        """The place in the log just before it was registered last."""
        try:
            self._register()
        except grpc.RpcError as failure:
            raise self._access.error(failure, self._shown) from None
        except TimeoutError:
            raise late_answer(access.address) from None

    def serve(self) -> None:
        """Asks the functions until `close`; a daemon that is gone is waited for, for ever.

        Raises ReplaydClientError when the daemon refuses, and what `on_interruption` raises.
        """
        while (call := self._call) is not None and not self._closed.is_set():
            calls = Calls()
            try:
                for response in call:
                    self._answer(calls.flows(response))
                self._come_back(Unreachable("", f"the daemon at {self._access.address} hung up"))
            except grpc.RpcError as failure:
                self._come_back(self._access.error(failure, self._shown))

    def close(self) -> None:
        """Ends it: the daemon asks no more, and decides what is open by the policy. Idempotent."""
        self._closed.set()
        with self._lock:
            if self._call is not None:
                self._call.cancel()
            self._outbox.put(None)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, name="hook", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _serve(self) -> None:
        try:
            self.serve()
        except BaseException as error:  # noqa: BLE001 - for the thread that leaves the block
            self._failure = error

    def _answer(self, flows: Iterator[HookFlow]) -> None:
        answers: list[Answer] = []
        waits_since = time.monotonic()
        for flow in flows:
            answers.append(self._ask(flow))
            if time.monotonic() - waits_since > _TOGETHER:
                self._send(answers)
                answers, waits_since = [], time.monotonic()
        self._send(answers)

    def _ask(self, flow: HookFlow) -> Answer:
        try:
            if self._hook.ask(flow) is not None:
                raise TypeError("asynchronous functions need the asynchronous client")
            return flow.answer()
        except Exception as error:  # noqa: BLE001 - printed; the policy decides
            return self._hook.failed(flow, error)

    def _send(self, answers: list[Answer]) -> None:
        for message in answer_messages(answers):
            self._outbox.put(message)

    # Connections

    def _register(self) -> None:
        with self._lock:
            if self._closed.is_set():
                return
            outbox: queue.SimpleQueue[HookRequest | None] = queue.SimpleQueue()
            outbox.put(self._hook.registration())
            self._outbox = outbox
            self._shown = self._access.metadata()
            self._call = self._open_stream(iter(outbox.get, None), metadata=self._shown)
        first = first_response(self._call, self._timeout, self._access.address)
        self.cursor = first.cursor

    def _come_back(self, error: ReplaydClientError) -> None:
        """Registers again, when and as often as it takes; raises the error that is final."""
        for delay in delays():
            if self._closed.is_set():
                return
            endure(error, self._on_interruption)
            self._outbox.put(None)
            self._closed.wait(delay)
            try:
                self._register()
            except grpc.RpcError as failure:
                error = self._access.error(failure, self._shown)
            except TimeoutError:
                error = late_answer(self._access.address)
            else:
                if self._on_return is not None and not self._closed.is_set():
                    self._on_return()
                return


def endure(error: ReplaydClientError, on_interruption: Interruption | None) -> None:
    """Raises an error of a hook's stream that is final, and tells of another one."""
    # Its own dead stream may still stand for it.
    if not isinstance(error, Unreachable) and error.reason != "HOOK_EXISTS":
        raise error
    if on_interruption is not None:
        on_interruption(error)
