"""Comparisons as messages."""

from flowreplay.v1 import comparison_pb2, flow_pb2

from replayd.codec.comparison import answer_from, answer_message, encode_comparison
from replayd.model.comparison import Comparison, Difference, DifferenceKind, Shown, Verdict
from replayd.model.outcome import ResponseHead

MADE = Comparison(
    Verdict.DIFFERENT,
    (Difference(DifferenceKind.JSON, "$.a", None, Shown(b"secret", b"mark")),),
    difference_count=7,
    ignored_count=3,
    note="a note",
)


def test_a_comparison_is_shown_with_marks_or_with_secrets() -> None:
    for reveal, value in ((False, b"mark"), (True, b"secret")):
        message = comparison_pb2.Comparison.FromString(encode_comparison(MADE, reveal=reveal))
        assert message.result == comparison_pb2.COMPARISON_RESULT_DIFFERENT
        assert (message.difference_count, message.ignored_count, message.note) == (7, 3, "a note")
        (difference,) = message.differences
        assert (difference.place, difference.replayed_value) == ("$.a", value)
        assert not difference.HasField("recorded_value")


def test_heads_there_and_back() -> None:
    head = ResponseHead(b"HTTP/1.1", 201, headers=((b"A", b"1"),))
    back = answer_from(answer_message(head, ((b"T", b"2"),)))
    assert (back.status_code, back.headers, back.trailers) == (201, head.headers, ((b"T", b"2"),))
    assert back.content == b""
    missing = flow_pb2.Response(content_missing=True).SerializeToString()
    assert answer_from(missing).content is None
