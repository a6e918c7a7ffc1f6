from replayd.errors import ReplaydError
from replayd.intake.frames import (
    HEADER,
    Frame,
    NotedFlow,
    RefusedFlow,
    Summary,
    decode_error,
    decode_summary,
    encode_error,
    encode_summary,
    frame,
)
from replayd.reasons import Reason


def test_a_frame_tells_its_kind_and_length() -> None:
    encoded = frame(Frame.ROWS, b"abc")
    assert HEADER.unpack(encoded[: HEADER.size]) == (Frame.ROWS, 3)
    assert encoded[HEADER.size :] == b"abc"


def test_a_summary_comes_back() -> None:
    summary = Summary(
        accepted=1,
        refused=2,
        refusals=[RefusedFlow(3, "id", Reason.LIVE_FLOW, "m")],
        refused_by_reason={Reason.LIVE_FLOW: 2},
        noted=1,
        notes=[NotedFlow(0, "unknown key")],
        content_hash="00ff",
        resident_memory=5,
    )
    assert decode_summary(encode_summary(summary)) == summary


def test_an_error_comes_back_with_reason_and_metadata() -> None:
    error = ReplaydError(Reason.DAMAGED_CAPTURE, "cut at byte 7", byte_offset=7)
    found = decode_error(encode_error(error))
    assert (found.reason, found.message) == (Reason.DAMAGED_CAPTURE, "cut at byte 7")
    assert found.metadata == {"byte_offset": "7"}
