from flowreplay.v1 import reason_pb2
from flowreplay.v1.replay_pb2 import CaptureNote, EnqueueResponse, PlanSummary, Refusal
from replayctl.refusals import left_out, refusal_lines

REFUSALS = [
    Refusal(flow_index=1, flow_id="f\x1b", reason=reason_pb2.REASON_LIVE_FLOW, message="live"),
    Refusal(flow_index=2, reason=reason_pb2.REASON_NOT_HTTP, message="tcp"),
]
NOTES = [
    CaptureNote(flow_index=0, message="odd\n"),
    CaptureNote(flow_index=2, message="why"),
    CaptureNote(flow_index=4, message="a"),
    CaptureNote(flow_index=4, message="b"),
]


def test_refusals_and_notes_have_a_line_each() -> None:
    for kind in (EnqueueResponse, PlanSummary):
        answer = kind(refused_count=5, refusals=REFUSALS, notes=NOTES)
        assert list(refusal_lines(answer)) == [
            r"  flow 1 (f\x1b) refused: LIVE_FLOW: live",
            "  flow 2 refused: NOT_HTTP: tcp",
            "    why",
            "  and 3 more flows refused",
            r"  flow 0: odd\n",
            "  flow 4: a",
            "  flow 4: b",
        ]


def test_nothing_refused_is_nothing_said() -> None:
    assert list(refusal_lines(PlanSummary(accepted_count=1))) == []


def test_what_was_left_out_is_counted() -> None:
    for kind in (EnqueueResponse, PlanSummary):
        assert left_out(kind(accepted_count=3)) == ""
        assert left_out(kind(refused_count=2, filtered_count=1)) == ", 2 refused, 1 filtered out"
