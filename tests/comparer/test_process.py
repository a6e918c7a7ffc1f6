"""Comparisons in a process: what it answers, and what becomes of one that ends."""

import signal
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from flowreplay.v1 import comparison_pb2, flow_pb2, history_pb2

from replayd.comparer import process
from replayd.comparer.process import Compared, ComparerProcess, ComparerSettings, LimitError, Side

RULES = history_pb2.DiffRequest(difference_limit=10)


def side(*pieces: bytes, status: int = 200, missing: bool = False) -> Side:
    head = flow_pb2.Response(status_code=status, content_missing=missing)
    return Side(head.SerializeToString(), lambda: pieces)


def message(compared: Compared) -> comparison_pb2.Comparison:
    return comparison_pb2.Comparison.FromString(compared.shown)


@pytest.fixture(scope="module")
def comparer() -> Iterator[ComparerProcess]:
    comparer = ComparerProcess(ComparerSettings(redaction_key=b"key"))
    yield comparer
    comparer.close()


def test_differences_come_with_marks_with_secrets_and_as_rules(comparer: ComparerProcess) -> None:
    compared = comparer.compare(RULES, side(b'{"tok', b'en": "a"}'), side(b'{"token": "b"}'))
    (shown,) = message(compared).differences
    assert b"redacted 3B blake2:" in shown.recorded_value
    (whole,) = comparison_pb2.Comparison.FromString(compared.whole).differences
    assert (whole.place, whole.recorded_value, whole.replayed_value) == ("$.token", b'"a"', b'"b"')
    assert compared.noise == ("json:$.token",)


def test_one_after_the_other_by_their_own_rules(comparer: ComparerProcess) -> None:
    equal, different = (
        comparison_pb2.COMPARISON_RESULT_EQUAL,
        comparison_pb2.COMPARISON_RESULT_DIFFERENT,
    )
    without = history_pb2.DiffRequest(ignored_differences=["body"], difference_limit=1)
    # What is not read of one must not be taken for the next one.
    assert message(comparer.compare(RULES, side(b"a", missing=True), side(b"b"))).note
    assert message(comparer.compare(without, side(b"a"), side(b"b"))).result == equal
    assert message(comparer.compare(RULES, side(b"a"), side(b"b"))).result == different
    assert message(comparer.compare(RULES, side(b"a"), side(b"a"))).result == equal


def test_an_answer_is_looked_through(comparer: ComparerProcess) -> None:
    head = flow_pb2.Response(status_code=200)
    head.headers.add(name=b"A", value=b"caf\xe9")
    sources = ["json:$..id", "header:a", "regex:none"]
    found = comparer.look(sources, head.SerializeToString(), b'[{"id": "\xc3\xa9"}, {"id": 1.50}]')
    assert found == [[b"\xc3\xa9", b"1.50"], [b"caf\xe9"], []]
    assert not message(comparer.compare(RULES, side(b"a"), side(b"a"))).note


def test_what_takes_too_long_is_ended_and_the_next_one_is_not() -> None:
    comparer = ComparerProcess(ComparerSettings(cpu_seconds=0.1))
    endless = history_pb2.DiffRequest(ignored_differences=["body:(a+)+$"], difference_limit=1)
    with pytest.raises(LimitError, match=f"ended with code -{signal.SIGPROF}"):
        comparer.compare(endless, side(b"a" * 40 + b"b"), side(b"b"))
    assert not message(comparer.compare(RULES, side(b"a"), side(b"a"))).note
    comparer.close()
    comparer.close()


def test_where_no_process_can_be_started_that_is_told() -> None:
    comparer = ComparerProcess(ComparerSettings())
    with (
        patch.object(process.subprocess, "Popen", side_effect=OSError("no more")),
        pytest.raises(LimitError, match="no more"),
    ):
        comparer.compare(RULES, side(), side())


def test_a_content_that_can_not_be_read_ends_the_process(comparer: ComparerProcess) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        comparer.compare(RULES, Side(side().head, broken), side())
    assert not message(comparer.compare(RULES, side(b"a"), side(b"a"))).note


def test_the_key_is_in_no_argument() -> None:
    assert "74686520" not in ComparerSettings(redaction_key=b"the key").as_json()
    assert "the key" not in ComparerSettings(redaction_key=b"the key").as_json()
