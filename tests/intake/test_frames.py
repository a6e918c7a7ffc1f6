from replayd.errors import ReplaydError
from replayd.intake.frames import (
    NotedFlow,
    RefusedFlow,
    Summary,
    decode_error,
    decode_summary,
    encode_error,
    encode_summary,
)
from replayd.reasons import Reason


def test_a_summary_comes_back() -> None:
    summary = Summary()
    summary.accepted, summary.refused, summary.noted = 1, 2, 1
    summary.refusals = [RefusedFlow(3, "id", Reason.LIVE_FLOW, "m")]
    summary.refused_by_reason = {Reason.LIVE_FLOW: 2}
    summary.notes = [NotedFlow(0, "unknown key")]
    summary.content_hash, summary.resident_memory = "00ff", 5
    assert vars(decode_summary(encode_summary(summary))) == vars(summary)


def test_an_error_comes_back_with_reason_and_metadata() -> None:
    error = ReplaydError(Reason.DAMAGED_CAPTURE, "cut at byte 7", byte_offset=7)
    found = decode_error(encode_error(error))
    assert (found.reason, found.message) == (Reason.DAMAGED_CAPTURE, "cut at byte 7")
    assert found.metadata == {"byte_offset": "7"}
