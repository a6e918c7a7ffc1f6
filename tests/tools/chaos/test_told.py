"""What clients were told and watchers shown, beside the log."""

from pathlib import Path
from zlib import crc32

import pytest
from flowreplay.v1 import event_pb2

from tests.tools.chaos.events import Writer
from tools.chaos.told import Line, Lines, Told, compare_transcript


def accepted(count: int = 2, *, batch: str = "b", duplicate: bool = False) -> Line:
    return {
        "what": "accepted",
        "call": "t",
        "batch": batch,
        "count": count,
        "replays": count,
        "refused": 0,
        "duplicate": duplicate,
    }


def compared(writer: Writer, *lines: Line) -> dict[str, int]:
    told = Told(writer.log, writer.findings)
    for line in lines:
        told.compare(line)
    told.settle()
    return dict(writer.findings.counts)


def queued(last: int = 1) -> Writer:
    writer = Writer()
    writer.queued(0, last)
    return writer


def test_what_was_accepted_is_there() -> None:
    told = Told(queued().log, Writer().findings)
    told.compare({"what": "try", "call": "t", "replays": 2})
    told.compare(accepted())
    told.compare(accepted(duplicate=True))
    assert (told.calls, told.acknowledged, told.duplicates) == (1, 2, 1)
    assert not compared(queued(), accepted())


@pytest.mark.parametrize(("line", "kind"), [(accepted(3), "lost"), (accepted(batch="c"), "lost")])
def test_what_is_lost_is_found(line: Line, kind: str) -> None:
    assert compared(queued(), line) == {kind: 1}


def test_other_answers_to_one_call_are_found() -> None:
    other = accepted(batch="c", duplicate=True)
    assert compared(queued(), accepted(), other) == {"requests": 1, "lost": 1}
    wrong = {"what": "broke", "call": "t", "code": "ALREADY_EXISTS"}
    assert compared(queued(), wrong) == {"requests": 1}


def test_more_replays_than_flows_are_found() -> None:
    assert compared(queued(3), {"what": "try", "call": "t", "replays": 2}) == {"outcomes": 1}


def test_a_clear_is_compared() -> None:
    writer = queued()
    writer.update("CLEARED", (0, 0))
    line = {"what": "clear", "count": 1, "ranges": [["b", 0, 0, 0]]}
    assert not compared(writer, line)
    assert compared(writer, {**line, "ranges": [["b", 0, 1, 1]]}) == {"outcomes": 1}


def test_a_count_was_true_at_some_time_after_its_cursor() -> None:
    writer = queued()
    writer.succeeded(0)
    writer.succeeded(1)
    line = {"what": "count", "after": 1, "counts": [2, 1, 0, 0, 0, 0]}
    assert not compared(writer, line)
    assert not compared(writer, {**line, "after": 3, "counts": [2, 2, 0, 0, 0, 0]})
    assert compared(writer, {**line, "after": 3}) == {"counts": 1}
    assert compared(writer, {**line, "counts": [2, 1, 1, 0, 0, 0]}) == {"counts": 2}


def test_a_pause_that_was_told_is_logged() -> None:
    writer = queued()
    writer.update("PAUSED", batch="")
    line = {"what": "pause", "changed": True}
    assert not compared(writer, line)
    assert compared(writer, line, line) == {"pauses": 1}


def test_how_a_batch_was_told_to_be_steered_is_logged() -> None:
    writer = queued()
    writer.update("PAUSED")
    hold = {"what": "hold", "batch": "b", "changed": True}
    assert not compared(writer, hold, {**hold, "changed": False})
    assert compared(writer, hold, {**hold, "what": "free"}) == {"steering": 1}


def test_a_step_takes_no_more_than_it_was_asked_for() -> None:
    step = {"what": "step", "batch": "b", "count": 2, "replays": ["b.0", "b.1"]}
    assert not compared(queued(), step)
    assert compared(queued(), {**step, "count": 1}) == {"steering": 1}
    assert compared(queued(), {**step, "replays": ["b.0", "b.0"]}) == {"steering": 1}


def shown(writer: Writer, sequences: list[int], **line: object) -> dict[str, int]:
    events = [
        number
        for at in sequences
        for number in (at, crc32(writer.events[at - 1].SerializeToString()))
    ]
    whole = {"after": 0, "last": len(sequences), "kinds": [], "events": events, **line}
    assert compare_transcript(whole, writer.log, writer.findings) == len(sequences)
    return dict(writer.findings.counts)


def test_a_watcher_is_shown_the_log() -> None:
    writer = queued()
    writer.succeeded(0)
    writer.succeeded(1)
    assert not shown(writer, [1, 2, 3])
    responses = [event_pb2.EVENT_KIND_RESPONSE]
    assert not shown(writer, [2, 3], last=3, kinds=responses)
    assert shown(writer, [1, 3], last=3) == {"watchers": 1}
    assert shown(writer, [3], last=3, kinds=responses) == {"watchers": 2}


def test_a_watcher_that_was_shown_another_log_is_found() -> None:
    writer = queued()
    assert shown(writer, [1], events=[1, 7], last=1) == {"rewritten": 1}
    assert shown(writer, [1], last=2) == {"rewritten": 2}


def test_a_line_that_was_cut_was_never_said(tmp_path: Path) -> None:
    path = tmp_path / "book"
    lines = Lines(path)
    assert not list(lines.new())
    path.write_bytes(b'{"a": 1}\n{"a"')
    assert list(lines.new()) == [{"a": 1}]
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    assert list(lines.new()) == [{"a": 2}]


def test_what_was_resolved_is_so_in_the_log() -> None:
    line = {"what": "resolve", "count": 1, "ranges": [["b", 0, 0, 0]], "resent_as": ""}
    writer = queued()
    writer.interrupted(0)
    assert compared(writer, line) == {"outcomes": 1}
    writer = queued()
    writer.interrupted(0)
    writer.update("RESOLVED", (0, 0))
    assert not compared(writer, line)


def test_what_was_cancelled_is_so_in_the_log() -> None:
    writer = queued()
    writer.update("CLEARED", (0, 0))
    cleared, succeeded = event_pb2.REPLAY_STATE_CLEARED, event_pb2.REPLAY_STATE_SUCCEEDED
    line = {"what": "cancel", "replays": [["b.0", cleared, True]]}
    assert not compared(writer, line)
    writer.succeeded(1)
    assert not compared(writer, {**line, "replays": [["b.1", succeeded, False]]})
    assert compared(writer, {**line, "replays": [["b.1", succeeded, True]]}) == {"outcomes": 1}
    assert compared(writer, {**line, "replays": [["b.1", cleared, True]]}) == {"outcomes": 2}


def retried(**line: object) -> Line:
    ranges = [["b", 0, 0, 0]]
    told = {"call": "r", "batch": "b", "count": 1, "ranges": ranges, "resent_as": "c"}
    failed = [event_pb2.REPLAY_STATE_FAILED]
    return {"what": "retry", "states": failed, **told, **line}


def test_what_is_sent_once_more_is_what_was_told() -> None:
    writer = queued()
    writer.interrupted(0, state="FAILED")
    nothing = retried(count=0, ranges=[], resent_as="")
    assert not compared(writer, nothing)
    assert compared(writer, retried()) == {"lost": 1}
    writer = queued()
    writer.interrupted(0, state="FAILED")
    writer.copied(0, 0, 1)
    assert not compared(writer, retried(), retried(duplicate=True))
    interrupted = [event_pb2.REPLAY_STATE_INTERRUPTED]
    assert compared(writer, retried(states=interrupted)) == {"copies": 1}
    assert compared(writer, retried(ranges=[["b", 0, 2, 2]])) == {"copies": 2}
    assert compared(writer, retried(), nothing) == {"copies": 2, "requests": 1}
