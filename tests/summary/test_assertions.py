"""What is asserted of a batch holds, or says what was found."""

import pytest
from flowreplay.v1 import comparison_pb2

from replayd.errors import ReplaydError
from replayd.model.replay import Counts
from replayd.summary.assertions import Failed, compile_assertions
from replayd.summary.figures import Figures
from tests.summary.ends import failure, response


@pytest.fixture(scope="module")
def figures() -> Figures:
    """Ten replays: a 500 that was a 200, a 404 as recorded, a failure; latencies 10 to 100 ms."""
    made = Figures(Counts(succeeded=9, failed=1))
    statuses = {3: (500, 200), 5: (404, 404)}
    for index in range(9):
        status, recorded = statuses.get(index, (200, 200))
        milliseconds = 10 * (index + 1)
        event = response(index, status, recorded=recorded, milliseconds=milliseconds)
        if index == 3:
            event.response.comparison.result = comparison_pb2.COMPARISON_RESULT_DIFFERENT
        made.add(event)
    made.add(failure(9, milliseconds=5000))
    return made


def failed(text: str, figures: Figures) -> Failed | None:
    (check,) = compile_assertions([text])
    return check(figures)


@pytest.mark.parametrize(
    ("text", "message", "replay_id"),
    [
        ("error", "1 of 10", "b.9"),
        ("error>=10%", "1 of 10 (10 %)", "b.9"),
        ("changed", "1 of 10 without a response; 1 of 10", "b.3"),
        ("changed>0", "1 of 10", "b.3"),
        ("diff", "1 of 10 without a response; 1 of 10", "b.3"),
        ("diff>0", "1 of 10", "b.3"),
        ("diff>5%", "1 of 10 (10 %)", "b.3"),
        ("status", "1 of 10 without a response; 2 of 10, such as 404", "b.5"),
        ("status >= 500", "1 of 10, such as 500", "b.3"),
        ("status!=200", "2 of 10, such as 404", "b.5"),
        ("status=404", "1 of 10, such as 404", "b.5"),
        ("p50>=50ms", "50.02 ms", ""),
        ("p95>0.08s", "90 ms", ""),
        ("p99.9>1us", "90 ms", ""),
        ("max>89000us", "90 ms", ""),
        ("mean=50ms", "50 ms", ""),
        ("min<11ms", "10 ms", ""),
        ("rate<100/s", "0.7143 a second", ""),
        ("count<11", "10 ended", ""),
        ("count!=23", "10 ended", ""),
    ],
)
def test_what_must_not_be_is_told(
    figures: Figures, text: str, message: str, replay_id: str
) -> None:
    assert failed(text, figures) == Failed(text, message, replay_id)


@pytest.mark.parametrize(
    "text",
    [
        "error>1",
        "error>10%",
        "changed>1",
        "status>500",
        "p95>90ms",
        "max<=80ms",
        "rate<0.5",
        "count<10",
    ],
)
def test_what_holds_is_not(figures: Figures, text: str) -> None:
    assert failed(text, figures) is None


@pytest.mark.parametrize("text", ["diff", "diff>50%", "diff<1", "changed", "changed>3"])
def test_that_nothing_could_be_compared_is_a_failure(text: str) -> None:
    alone = Figures(Counts(succeeded=1))
    alone.add(response(0))
    told = failed(text, alone)
    assert told is not None
    assert "the capture has n" in told.message
    assert failed(text, Figures(Counts())) == told


def test_without_a_number_diff_wants_every_response_to_be_equal() -> None:
    figures = Figures(Counts(succeeded=2, failed=1))
    for index, result in enumerate(("EQUAL", "UNDECIDED")):
        event = response(index, recorded=200)
        event.response.comparison.result = comparison_pb2.ComparisonResult.Value(
            f"COMPARISON_RESULT_{result}"
        )
        figures.add(event)
    figures.add(failure(2))
    said = "1 of 3 without a response; 0 of 3; 1 could not be compared"
    assert failed("diff", figures) == Failed("diff", said, "b.1")
    assert failed("diff>0", figures) is None
    assert failed("changed", figures) == Failed(
        "changed", "1 of 3 without a response; 0 of 3", "b.2"
    )


def test_a_lag_is_that_of_the_latest() -> None:
    paced = Figures(Counts(succeeded=2))
    paced.add(response(0, lag=20))
    paced.add(response(1, lag=1))
    assert failed("lag>19ms", paced) == Failed("lag>19ms", "20 ms")
    assert failed("lag>20ms", paced) is None


def test_large_figures_are_written_out() -> None:
    late = Figures(Counts(succeeded=1))
    late.add(response(0, milliseconds=12_000, lag=12_345_000))
    assert failed("lag>1s", late) == Failed("lag>1s", "12345 s")
    assert failed("max>1s", late) == Failed("max>1s", "12 s")


def test_of_a_batch_without_responses_nothing_is_slow() -> None:
    none = Figures(Counts())
    assert [failed(text, none) for text in ("p95>0ms", "lag>=0s", "status", "error")] == [None] * 4
    assert failed("rate<1", none) == Failed("rate<1", "0 a second")
    assert failed("count<1", none) == Failed("count<1", "0 ended")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not such as error"),
        ("p95>", "is not such as error"),
        ("speed>3", "there is no speed; there are error, changed, diff, status"),
        ("speed", "there is no speed; there are error, changed, diff, status"),
        ("p95", "needs what it is compared with, such as p95>300ms"),
        ("rate", "needs what it is compared with, such as rate<100/s"),
        ("count", "needs what it is compared with, such as count<20"),
        ("count<3%", "a count has no unit"),
        ("p95>300", "needs a unit: us, ms, s or m"),
        ("p95>3%", "needs a unit"),
        ("p100>1s", "there is no p100"),
        ("error>1s", "error is compared with a number"),
        ("status>=500ms", "a status has no unit"),
        ("rate<3ms", "rate is compared with replays a second"),
        ("error>1.2.3", "1.2.3 is not a number"),
        ("error" * 41, "at most 200 characters"),
    ],
)
def test_what_can_not_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(ReplaydError, match="assertions") as caught:
        compile_assertions(["error", text])
    assert said in caught.value.message
    assert caught.value.metadata == {"field": "assertions[1]"}


def test_there_may_be_a_hundred() -> None:
    assert len(compile_assertions(["error"] * 100)) == 100
    with pytest.raises(ReplaydError, match="101 assertions are more than 100"):
        compile_assertions(["error"] * 101)
