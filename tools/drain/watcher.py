"""A watcher's stream, followed to its end on a thread of its own."""

import threading

import grpc
from flowreplay.v1 import event_pb2, replay_pb2
from flowreplay.v1.replay_pb2_grpc import ReplayServiceStub as Stub

from tools.drain.process import PATIENCE


class Watcher:
    """A stream that is followed to its end, on a thread of its own."""

    def __init__(self, stub: Stub, cursor: str) -> None:
        """Follows from a cursor, or (empty) from the start; returns once it watches."""
        self.cursor = cursor
        self.last = self.requeued = 0
        """The last event's sequence and kind of update, and how many replays are to be sent
        again."""
        self.said = ""
        self.cut = False
        """Whether the connection broke before it was told why the stream ended."""
        self._kind = event_pb2.UPDATE_KIND_UNSPECIFIED
        start = {"cursor": cursor} if cursor else {"position": replay_pb2.START_POSITION_START}
        self._call = stub.WatchEvents(replay_pb2.WatchEventsRequest(**start))
        self._take(next(self._call))
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        try:
            for response in self._call:
                self._take(response)
        except grpc.RpcError as error:
            self.said = f"{error.code().name} {error.details()}"

    def _take(self, response: replay_pb2.WatchEventsResponse) -> None:
        self.cursor = response.cursor
        for event in response.events:
            if self.last and event.sequence != self.last + 1:
                self.said = f"event {event.sequence} follows {self.last}"
                self._call.cancel()
            self.last, self._kind = event.sequence, event.update.kind
            if event.update.kind == event_pb2.UPDATE_KIND_REQUEUED:
                self.requeued += event.update.replay_count

    def end(self, *, hurried: bool) -> list[str]:
        """Waits for the end; returns what was wrong with it."""
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self._call.cancel()
            return ["the watcher's stream did not end"]
        if "Stream removed" in self.said or "Socket closed" in self.said:
            # gRPC's client gave up what it had not read; its cursor shows that it misses nothing.
            self.cut = True
            return []
        if hurried or ("UNAVAILABLE" in self.said and "the daemon is stopping" in self.said):
            if hurried or self._kind == event_pb2.UPDATE_KIND_STOPPING:
                return []
            return [f"the watcher's last event, {self.last}, is not the stop's"]
        return [f"the watcher was told: {self.said}"]
