"""Lives of the daemon, one after the other, and what has to hold of them together."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
from flowreplay.v1 import flow_pb2, replay_pb2

from tools.chaos.target import Target
from tools.drain.plan import Run, plan
from tools.drain.process import PATIENCE, Daemon
from tools.drain.watcher import Watcher

STATES = ("queued", "running", "succeeded", "failed", "killed", "cleared", "interrupted")

_TOLD = 50
"""After how many runs a line is printed."""


class Drain:
    """All runs, on one data dir and one target."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.figures: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.daemon = Daemon(folder)
        self._target = Target(folder / "book")
        self._acknowledged = 0
        self._unanswered: tuple[str, list[flow_pb2.Flow]] | None = None
        self._cursor = ""
        self._hurried = False
        """Whether a second signal came since a watcher last looked."""
        self._interrupted = self._requeued = 0

    def run(self, runs: int) -> None:
        """Does all runs; at the end all that is left is replayed, and the target's book read."""
        for number in range(runs):
            run = plan(self.seed, number)
            known = len(self.wrong)
            self._one(number, run)
            self.figures[run.moment] += 1
            self.wrong[known:] = [f"run {number}, {run}: {each}" for each in self.wrong[known:]]
            for each in self.wrong[known:]:
                print(each, flush=True)
            if (number + 1) % _TOLD == 0:
                print(f"{number + 1} runs", flush=True)
        self._last()

    def close(self) -> None:
        """Ends daemon and target."""
        self.daemon.close()
        self._target.kill()

    def _one(self, number: int, run: Run) -> None:
        self.daemon.start(run.concurrency)
        if run.moment == "start":
            self.daemon.wait_until_it_catches()
            time.sleep(run.after)
            self._end(run.moment)
            return
        self.daemon.wait_until_ready()
        self._compare()
        if run.moment == "paused":
            self.daemon.stub.Pause(replay_pb2.PauseRequest(), timeout=PATIENCE)
        else:
            self.daemon.stub.Resume(replay_pb2.ResumeRequest(), timeout=PATIENCE)
        watcher = Watcher(self.daemon.stub, self._cursor)
        flows = [self._flow(number, index) for index in range(run.flows)]
        enqueuing = threading.Thread(target=self._enqueue, args=(f"{number}", flows))
        if run.moment != "idle":
            enqueuing.start()
        if run.moment in ("run", "paused", "twice"):
            enqueuing.join()
        time.sleep(run.after)
        self._end(run.moment)
        if run.moment == "enqueue":
            enqueuing.join()
        self._look(watcher, hurried=run.moment == "twice")

    def _look(self, watcher: Watcher, *, hurried: bool) -> None:
        """Takes from a watcher what has become of the runs before."""
        self.wrong += watcher.end(hurried=hurried)
        self.figures["watchers whose connection broke"] += watcher.cut
        self._cursor = watcher.cursor
        if watcher.requeued and not self._hurried:
            self.wrong.append(f"{watcher.requeued} are to be sent again without a second signal")
        self._requeued += watcher.requeued
        self._hurried = hurried

    def _last(self) -> None:
        self.daemon.start(32)
        self.daemon.wait_until_ready()
        self._compare()
        self.daemon.stub.Resume(replay_pb2.ResumeRequest(), timeout=PATIENCE)
        watcher = Watcher(self.daemon.stub, self._cursor)
        for _ in self.daemon.stub.WatchEvents(replay_pb2.WatchEventsRequest(until_idle=True)):
            pass
        self._compare()
        self._end("idle")
        self._look(watcher, hurried=False)
        self._compare_arrivals()

    def _end(self, moment: str) -> None:
        signals = (signal.SIGTERM, signal.SIGINT) if moment == "twice" else (signal.SIGTERM,)
        self.wrong += self.daemon.end(*signals)

    # The flows

    def _flow(self, number: int, index: int) -> flow_pb2.Flow:
        answer = "slow" if index % 4 else "ok"
        return flow_pb2.Flow(
            request=flow_pb2.Request(
                method=b"POST" if index % 2 else b"GET",
                scheme=b"http",
                host="127.0.0.1",
                port=self._target.port,
                path=f"/{number}/{index}/0/{answer}".encode(),
                headers=[flow_pb2.Header(name=b"Host", value=b"drain")],
            )
        )

    def _enqueue(self, request_id: str, flows: list[flow_pb2.Flow]) -> None:
        """Enqueues flows; when the answer does not come, the next run asks again."""
        try:
            self.daemon.stub.Enqueue(_messages(request_id, flows), timeout=PATIENCE)
        except grpc.RpcError as error:
            self._unanswered = request_id, flows
            self.figures["answers that did not come"] += 1
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                self.wrong.append(f"an Enqueue ended with {error}")
        else:
            self._acknowledged += len(flows)

    # The comparing

    def _compare(self) -> None:
        """Compares the counts with what was acknowledged."""
        unanswered, self._unanswered = self._unanswered, None
        if unanswered is not None:
            self._enqueue(*unanswered)
        told = self.daemon.stub.Count(replay_pb2.CountRequest(), timeout=PATIENCE)
        counted = sum(getattr(told, f"{state}_count") for state in STATES)
        if counted != self._acknowledged:
            self.wrong.append(f"{self._acknowledged} were acknowledged, {counted} are counted")
        if told.failed_count:
            self.wrong.append(f"{told.failed_count} failed")
        if told.interrupted_count > self._interrupted and not self._hurried:
            self.wrong.append("some were interrupted without a second signal")
        self._interrupted = told.interrupted_count

    def _compare_arrivals(self) -> None:
        """Compares what reached the target with what was to be sent."""
        arrived = Counter(self._target.book.read_bytes().splitlines())
        again = [line for line, count in arrived.items() if count > 1]
        self.wrong += [f"sent twice: {line.decode()}" for line in again if b"POST" in line]
        if arrived.total() - len(arrived) > self._requeued:
            self.wrong.append(f"{len(again)} came twice, {self._requeued} were to be sent again")
        missing = self._acknowledged - len(arrived) - self._interrupted
        if missing > 0:
            self.wrong.append(f"{missing} never arrived")
        self.figures["flows"] = self._acknowledged
        self.figures["requests"] = arrived.total()
        self.figures["interrupted by a second signal"] = self._interrupted
        self.figures["requeued after a second signal"] = self._requeued


def _messages(request_id: str, flows: list[flow_pb2.Flow]) -> Iterator[replay_pb2.EnqueueRequest]:
    yield replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(request_id=request_id))
    for flow in flows:
        yield replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=[flow]))
