"""A call that is answered while it still sends: messages go out, answers come back.

gRPC reads the messages in one thread; another one, of this module, reads the answers. The
caller's thread makes the messages, takes the answers, and waits for whichever goes on
first, so that neither side waits for the other for ever, and few of either are held.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

import grpc

from flowreplay_client.outbox import Outbox

Message = TypeVar("Message")
Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)

_ROOM = 2
"""Answers that wait at most: beyond that the daemon is held back."""


class Call(Protocol[Answer_co]):
    """What gRPC returns for a call with messages both ways."""

    def __iter__(self) -> Iterator[Answer_co]: ...
    def cancel(self) -> bool:
        """Ends the call."""
        ...


class Conversation(Generic[Message, Answer]):
    """One call: `talk` it through, once."""

    def __init__(self, begin: Callable[[Iterator[Message]], Call[Answer]]) -> None:
        """`begin` starts the call with an iterator for gRPC to read the messages from."""
        # Guards everything below, and the outbox; nothing is called while it is held.
        self._changed = threading.Condition()
        self._outbox: Outbox[Message] = Outbox(self._changed)
        self._answers: deque[Answer] = deque()
        self._ended = False
        self._failure: grpc.RpcError | None = None
        self._closed = False
        self._call = begin(self._outbox)
        self._receiver = threading.Thread(target=self._receive, name="answers", daemon=True)
        self._receiver.start()

    def talk(self, messages: Iterable[Message]) -> Iterator[Answer]:
        """Sends the messages and yields the answers as they come.

        Raises grpc.RpcError when the call fails, and whatever the messages raise: the call
        is cancelled then. Ends early when closed.
        """
        try:
            for message in messages:
                while (answer := self._next_answer(message)) is not None:
                    yield answer
                if self._ended:
                    break
            self._outbox.close()
            while (answer := self._next_answer()) is not None:
                yield answer
        finally:
            self.close()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Ends the call, also while another thread talks. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        # Cancelled before the outbox closes: half a capture must never look whole.
        self._call.cancel()
        self._outbox.close()
        self._receiver.join()

    def _next_answer(self, message: Message | None = None) -> Answer | None:
        """Waits for an answer; None: the message was sent before one came, or none follows."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._answers or self._ended or (message is not None and self._outbox.has_room)
                )
            )
            if self._answers:
                self._changed.notify_all()
                return self._answers.popleft()
            if message is not None and not self._ended:
                self._outbox.put(message)
            return None

    def _receive(self) -> None:
        """The receiver's thread."""
        failure = None
        try:
            for answer in self._call:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or len(self._answers) < _ROOM)
                    self._answers.append(answer)
                    self._changed.notify_all()
        except grpc.RpcError as error:
            failure = error
        with self._changed:
            # What a close made of the call is what was wanted.
            self._failure = None if self._closed else failure
            self._ended = True
            self._changed.notify_all()
