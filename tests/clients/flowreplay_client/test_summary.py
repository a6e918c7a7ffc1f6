import pytest
from flowreplay.v1.history_pb2 import SummarizeRequest
from flowreplay_client.summary import summarize_request


def test_without_a_batch_assertions_are_only_read() -> None:
    expected = SummarizeRequest(assertions=["error", "p95>1s"], validate_only=True)
    assert summarize_request("", ["error", "p95>1s"]) == expected


def test_with_a_batch_they_are_judged() -> None:
    expected = SummarizeRequest(batch_id="b", assertions=["error"])
    assert summarize_request("b", ["error"]) == expected


def test_one_text_is_no_list() -> None:
    with pytest.raises(TypeError, match="each one assertion"):
        summarize_request("b", "error")
