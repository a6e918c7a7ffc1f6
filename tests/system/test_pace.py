"""Replays start when the pace has them due: by the clock of a real daemon."""

from flowreplay.v1 import flow_pb2, replay_pb2

from tests.support.daemon import Daemon
from tests.support.processes import DEADLINE
from tests.support.recorder import Recorder

SPEED = 20
FLOWS = 41
GAP = 0.1
"""Seconds between two recorded requests: 4 s of capture."""


def capture(port: int) -> list[flow_pb2.Flow]:
    flows = []
    for index in range(FLOWS):
        request = flow_pb2.Request(method=b"GET", scheme=b"http", host="127.0.0.1", port=port)
        request.start_time.FromMilliseconds(1_700_000_000_000 + int(index * GAP * 1000))
        flows.append(flow_pb2.Flow(request=request))
    return flows


def test_recorded_times_are_kept_at_another_speed() -> None:
    with Recorder() as server, Daemon("--ephemeral", "--concurrency", "8") as daemon:
        options = replay_pb2.EnqueueOptions(pace=replay_pb2.Pace(recorded_speed=SPEED))
        messages = [
            replay_pb2.EnqueueRequest(options=options),
            replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=capture(server.port))),
        ]
        accepted = daemon.stub().Enqueue(iter(messages), timeout=DEADLINE)
        watch = replay_pb2.WatchEventsRequest(cursor=accepted.cursor, until_idle=True)
        answers = daemon.stub().WatchEvents(watch, timeout=DEADLINE)
        ended = [event.response for answer in answers for event in answer.events]
        timings = {each.flow_index: each.timings for each in ended if each.HasField("head")}
    assert len(timings) == FLOWS
    due = [
        timings[index].start_time.ToNanoseconds() - timings[index].lag_duration.ToNanoseconds()
        for index in range(FLOWS)
    ]
    assert all(timings[index].HasField("lag_duration") for index in range(FLOWS))
    # Two clocks are read one after the other; how long that takes is another matter.
    expected = [index * GAP * 1e9 / SPEED for index in range(FLOWS)]
    off = [found - due[0] - wanted for found, wanted in zip(due, expected, strict=True)]
    assert max(map(abs, off)) < DEADLINE * 1e9 / 10
    assert due[-1] - due[0] > 0.9 * expected[-1]
