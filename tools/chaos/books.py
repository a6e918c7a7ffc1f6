"""The three books beside each other: what was told, what arrived, what the log says."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import grpc
from flowreplay.v1 import history_pb2, history_pb2_grpc, replay_pb2, replay_pb2_grpc

from replayd.codec.cursor import decode_cursor
from tools.chaos.arrivals import Arrivals, Book
from tools.chaos.findings import Findings
from tools.chaos.log import Log
from tools.chaos.told import Lines, Told, compare_transcript

TIMEOUT = 60.0
"""Seconds that reading the log may take."""

_MESSAGES_AGAIN = 2
"""Messages of the log that are read once more each time, to see whether they have changed."""

_NOT_THIS_LOG = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OUT_OF_RANGE)
"""What a daemon says of a cursor that its log does not have, or no more."""

_PAGE = 1000
"""Batches of a list."""


Stub = replay_pb2_grpc.ReplayServiceStub
History = history_pb2_grpc.HistoryServiceStub


class Books:
    """Compares them as they grow. `arrivals` is the target's book; those of clients and
    watchers are added as they begin.
    """

    def __init__(self, arrivals: Path) -> None:
        self.findings = Findings()
        self.log = Log(self.findings)
        self.told = Told(self.log, self.findings)
        self.arrivals = Arrivals(self.log, self.findings)
        self.shown = 0
        """Events that watchers were shown."""
        self._arrivals = Book(arrivals)
        self._clients: list[Lines] = []
        self._watchers: list[Lines] = []
        self._cursors: deque[str] = deque([""], maxlen=_MESSAGES_AGAIN + 1)
        """After each of the messages that were read last."""

    def add_client(self, path: Path) -> None:
        """Reads the book of a client from now on, too."""
        self._clients.append(Lines(path))

    def add_watchers(self, path: Path) -> None:
        """Reads the transcript of watchers from now on, too."""
        self._watchers.append(Lines(path))

    def compare(self, stub: Stub, history: History, *, removed: bool = False) -> None:
        """Reads all books to their end and compares them. Nothing may run meanwhile, and no
        client call. `removed`: retention may have removed what was read before.
        """
        if removed:
            self._cursors = deque([self._cursors[-1]], maxlen=_MESSAGES_AGAIN + 1)
        try:
            self._read_log(stub, self._cursors[0])
        except grpc.RpcError as error:
            if error.code() not in _NOT_THIS_LOG:
                raise
            self.findings.add("rewritten", f"what was read of the log is gone: {error.details()}")
            return
        for line in self._lines(self._clients):
            self.told.compare(line)
        for arrival in self._arrivals.new():
            self.arrivals.compare(arrival)
        for line in self._lines(self._watchers):
            self.shown += compare_transcript(line, self.log, self.findings)
        self.log.settle()
        self._compare_counts(stub)
        self._compare_steering(history)
        self.told.settle()
        self.arrivals.settle()
        self.log.forget()

    def compare_again(self, stub: Stub) -> None:
        """Reads the whole log once more: it must be what it was."""
        self._read_log(stub, "")

    def _lines(self, files: list[Lines]) -> Iterator[dict[str, object]]:
        for each in files:
            yield from each.new()

    def _read_log(self, stub: Stub, cursor: str) -> None:
        """Reads the log after a cursor (empty: from its start) to where it ends now; what is
        known of it already must be what it was.
        """
        known = self.log.latest
        latest = stub.GetStatus(replay_pb2.GetStatusRequest(), timeout=TIMEOUT).latest_sequence
        if latest < self.log.latest:
            said = f"the log was read up to {self.log.latest} and ends at {latest} now"
            self.findings.add("rewritten", said)
            return
        start = replay_pb2.WatchEventsRequest(position=replay_pb2.START_POSITION_START)
        if cursor:
            start = replay_pb2.WatchEventsRequest(cursor=cursor)
        call = stub.WatchEvents(start, timeout=TIMEOUT)
        for message in call:
            for event in message.events:
                if event.sequence <= known:
                    self.log.again(event)
                else:
                    self.log.read(event)
            if message.events:
                self._cursors.append(message.cursor)
            if decode_cursor(message.cursor).sequence >= latest:
                call.cancel()
                return

    def _compare_steering(self, history: History) -> None:
        """At rest, each batch that has something left is steered as the log says."""
        listed = {
            each.batch_id: (each.controls.paused, each.controls.priority)
            for each in unfinished(history)
        }
        logged = {
            replay.batch.batch_id: (replay.batch.paused, replay.batch.priority)
            for replay in self.log.replays()
            if not replay.outcome
        }
        for batch_id in listed.keys() | logged.keys():
            there, here = listed.get(batch_id), logged.get(batch_id)
            if there != here:
                said = f"batch {batch_id} is steered as {there}, by the log as {here}"
                self.findings.add("steering", said)

    def _compare_counts(self, stub: Stub) -> None:
        """At rest, the counts are those of the log, each of them."""
        told = stub.Count(replay_pb2.CountRequest(), timeout=TIMEOUT)
        ended = (
            told.succeeded_count,
            told.failed_count,
            told.killed_count,
            told.cleared_count,
            told.interrupted_count,
        )
        accepted = sum(ended) + told.queued_count + told.running_count
        if (accepted, *ended) != self.log.vector or told.running_count:
            said = f"{(accepted, *ended)} and {told.running_count} running; log: {self.log.vector}"
            self.findings.add("counts", said)
        waiting = sum(not replay.outcome for replay in self.log.replays())
        if waiting != told.queued_count:
            said = f"{waiting} replays have no outcome, {told.queued_count} are queued"
            self.findings.add("outcomes", said)
        if told.paused != self.log.paused:
            self.findings.add("pauses", f"paused: {told.paused}, in the log {self.log.paused}")


def unfinished(history: History) -> Iterator[history_pb2.Batch]:
    """Yields the batches that have something left."""
    asked = history_pb2.ListBatchesRequest(unfinished=True, page_size=_PAGE)
    while True:
        told = history.ListBatches(asked, timeout=TIMEOUT)
        yield from told.batches
        if not told.next_page_token:
            return
        asked.page_token = told.next_page_token


def open_stub(address: str) -> tuple[grpc.Channel, Stub]:
    """Opens a channel of one's own."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(address, options=options)
    return channel, Stub(channel)
