"""Differences as lines."""

from flowreplay.v1 import comparison_pb2 as pb
from flowreplay.v1.history_pb2 import ReplayDiff
from replayctl.differences import comparison_lines, diff_lines, verdict


def plain(text: str, _colour: str) -> str:
    return text


def difference(kind: str, place: str, old: bytes | None, new: bytes | None) -> pb.Difference:
    number = pb.DifferenceKind.Value(f"DIFFERENCE_KIND_{kind}")
    return pb.Difference(kind=number, place=place, recorded_value=old, replayed_value=new)


ALL = pb.Comparison(
    result=pb.COMPARISON_RESULT_DIFFERENT,
    difference_count=9,
    ignored_count=2,
    note="a\x1bnote",
    differences=[
        difference("STATUS", "", b"200", b"500"),
        difference("HEADER", "x", b"1\n2", None),
        difference("JSON", "$.a", None, b"\xc3\xa4\x1b"),
        difference("JSON_ORDER", "$.b", b"[1, 2]", b"[2, 1]"),
        difference("TEXT", "line 3", b"a", b"b"),
        difference("CONTENT", "from byte 3 on", b"5 bytes", b"\xff"),
    ],
)


def test_each_kind_reads_like_a_diff() -> None:
    assert list(comparison_lines(ALL, plain)) == [
        *("@ status", "-200", "+500"),
        *("@ header x", "-1", "-2"),
        *("@ $.a", "+ä\\x1b"),
        *("@ the order of $.b", "-[1, 2]", "+[2, 1]"),
        *("@ line 3", "-a", "+b"),
        *("@ content from byte 3 on", "-5 bytes", "+\\xff"),
        "... 3 more",
        "(a\\x1bnote)",
    ]


def test_a_replay_has_its_request_and_what_it_came_to() -> None:
    diff = ReplayDiff(replay_id="b.1", method=b"GET", url=b"http://h/", comparison=ALL)
    assert next(iter(diff_lines(diff, plain))) == "b.1  GET http://h/  9 differences, 2 left out"
    diff.comparison.Clear()
    diff.comparison.result = pb.COMPARISON_RESULT_EQUAL
    assert list(diff_lines(diff, plain)) == ["b.1  GET http://h/  equal"]


def test_verdicts() -> None:
    one = pb.Comparison(result=pb.COMPARISON_RESULT_DIFFERENT, difference_count=1)
    assert verdict(one) == "1 difference"
    assert verdict(pb.Comparison(result=pb.COMPARISON_RESULT_UNDECIDED)) == "not compared"
    assert verdict(pb.Comparison(result=pb.COMPARISON_RESULT_EQUAL)) == ""


def test_colours() -> None:
    def coloured(text: str, colour: str) -> str:
        return f"{colour}:{text}"

    lines = list(comparison_lines(pb.Comparison(differences=ALL.differences[:1]), coloured))
    assert lines == ["cyan:@ status", "red:-200", "green:+500"]
