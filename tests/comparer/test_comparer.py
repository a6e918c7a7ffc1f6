"""The thread that feeds the comparing process."""

import threading
from collections.abc import Sequence
from queue import SimpleQueue
from unittest.mock import patch

import pytest
from flowreplay.v1 import comparison_pb2, flow_pb2, history_pb2, replay_pb2

from replayd.comparer import comparer as module
from replayd.comparer import lane
from replayd.comparer.comparer import QUICK_SECONDS, Asked, Comparer, Look, rules_of
from replayd.comparer.process import LEARNT, Compared, ComparerSettings, LimitError, Side
from replayd.errors import JournalError
from replayd.journal.memory import open_memory
from replayd.model.batch import Terms
from replayd.model.replay import ReplayKey
from tests.support.journals import row
from tests.support.processes import DEADLINE

KEY = ReplayKey("b", 0, 0)
CAME = Side(b"came", tuple)
AGAIN = Side(b"again", tuple)


class FakeProcess:
    """Answers with what was asked."""

    def __init__(self, settings: ComparerSettings) -> None:
        self.quick = settings.cpu_seconds == QUICK_SECONDS
        self.limit: str | None = None
        """What it says to every question."""
        self.asked: list[tuple[list[str], bytes, bytes]] = []
        self.noise: tuple[str, ...] = ("json:$.a",)
        self.closed = threading.Event()

    def compare(self, rules: history_pb2.DiffRequest, recorded: Side, replayed: Side) -> Compared:
        self.asked.append((list(rules.ignored_differences), recorded.head, replayed.head))
        if self.limit is not None:
            raise LimitError(self.limit)
        return Compared(b"", b"", self.noise)

    def look(self, sources: Sequence[str], head: bytes, content: bytes) -> list[list[bytes]]:
        self.asked.append((list(sources), head, content))
        if self.limit is not None:
            raise LimitError(self.limit)
        return {b"content": [[b"found"]]}[content]

    def close(self) -> None:
        self.closed.set()


class Made:
    """A comparer with a fake process."""

    def __init__(self, options: replay_pb2.EnqueueOptions) -> None:
        self.journal = open_memory(0)
        flow = flow_pb2.Flow(response=flow_pb2.Response(status_code=299))
        self.recorded = flow.response.SerializeToString()
        self.journal.stage("b", [row(0)._replace(flow=flow.SerializeToString())])
        terms = Terms(options=options.SerializeToString())
        self.journal.accept("b", now=1, answer=b"", terms=terms)
        with patch.object(lane, "ComparerProcess", FakeProcess):
            self.comparer = Comparer(self.journal, ComparerSettings())
        self.process: FakeProcess = self.comparer._quick._process  # type: ignore[assignment]
        self.slow: FakeProcess = self.comparer._slow._process  # type: ignore[assignment]
        assert (self.process.quick, self.slow.quick) == (True, False)

    def compare(self, again: Side | None = None) -> Compared:
        answers: SimpleQueue[Compared] = SimpleQueue()
        self.comparer.ask(Asked(KEY, CAME, answers.put, again))
        return answers.get(timeout=DEADLINE)

    def look(self, key: ReplayKey = KEY, content: bytes = b"content") -> list[list[bytes]] | None:
        answers: SimpleQueue[list[list[bytes]] | None] = SimpleQueue()
        self.comparer.ask(Look(key, ["json:$.a"], b"head", content, answers.put))
        return answers.get(timeout=DEADLINE)


@pytest.mark.parametrize("learns", [False, True])
def test_what_came_is_compared_by_the_rules_of_its_batch(learns: bool) -> None:
    options = replay_pb2.EnqueueOptions(ignored_differences=["status"], learn_noise=learns)
    made = Made(options)
    assert made.compare().learn is learns
    assert made.process.asked == [(["status"], made.recorded, b"came")]
    made.process.noise = ()
    assert not made.compare().learn
    made.comparer.close()
    assert made.process.closed.wait(DEADLINE)


def test_what_differs_between_two_answers_is_left_out() -> None:
    made = Made(replay_pb2.EnqueueOptions(learn_noise=True))
    compared = made.compare(AGAIN)
    assert made.process.asked == [
        ([], b"again", b"came"),
        (["json:$.a"], made.recorded, b"came"),
    ]
    message = comparison_pb2.Comparison.FromString(compared.shown)
    assert message.sent_twice
    assert list(message.learnt_rules) == ["json:$.a"]
    assert (compared.noise, compared.learn) == (("json:$.a",), False)
    made.comparer.close()


def test_too_much_noise_is_all_of_the_content() -> None:
    made = Made(replay_pb2.EnqueueOptions(learn_noise=True))
    made.process.noise = ("header:x", *(f"line:{number}" for number in range(LEARNT)))
    assert made.compare(AGAIN).noise == ("body", "header:x")
    made.comparer.close()


def test_what_goes_wrong_is_undecided(caplog: pytest.LogCaptureFixture) -> None:
    made = Made(replay_pb2.EnqueueOptions())
    for error, said in ((JournalError("damaged"), "damaged"), (KeyError("odd"), "KeyError")):
        with patch.object(made.journal, "history", side_effect=error):
            message = comparison_pb2.Comparison.FromString(made.compare().shown)
        assert message.result == comparison_pb2.COMPARISON_RESULT_UNDECIDED
        assert said in message.note
    assert "b.0 can't be compared" in caplog.text
    made.comparer.close()


def test_an_answer_is_looked_through() -> None:
    made = Made(replay_pb2.EnqueueOptions())
    assert made.look() == [[b"found"]]
    assert made.process.asked == [(["json:$.a"], b"head", b"content")]
    made.comparer.close()


def test_what_takes_long_is_begun_anew_where_it_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SLOW_BATCHES", 1)
    made = Made(replay_pb2.EnqueueOptions())
    made.process.limit = "too long for others"
    assert not made.compare().learn
    assert len(made.process.asked) == len(made.slow.asked) == 1
    # All else of its batch goes there, and no other.
    made.process.limit = None
    assert made.look() == [[b"found"]]
    assert made.look(ReplayKey("other", 0, 0)) == [[b"found"]]
    assert (len(made.process.asked), len(made.slow.asked)) == (2, 2)
    # So many are known.
    made.process.limit = "too long for others"
    made.look(ReplayKey("other", 0, 0))
    made.process.limit = None
    made.compare()
    assert (len(made.process.asked), len(made.slow.asked)) == (4, 3)
    made.comparer.close()
    assert made.slow.closed.wait(DEADLINE)


def test_what_takes_too_long_is_told() -> None:
    made = Made(replay_pb2.EnqueueOptions())
    made.process.limit = made.slow.limit = "it took too much"
    message = comparison_pb2.Comparison.FromString(made.compare().shown)
    assert message.result == comparison_pb2.COMPARISON_RESULT_UNDECIDED
    assert message.note == "it took too much"
    assert made.look() is None
    made.comparer.close()


def test_what_goes_wrong_in_looking_is_told(caplog: pytest.LogCaptureFixture) -> None:
    made = Made(replay_pb2.EnqueueOptions())
    assert made.look(content=b"unknown") is None
    assert "b.0 can't be looked through" in caplog.text
    made.comparer.close()


def test_rules_of_a_batch() -> None:
    options = replay_pb2.EnqueueOptions(ignored_differences=["status"], compare_volatile=True)
    assert rules_of(options, limit=3) == history_pb2.DiffRequest(
        ignored_differences=["status"], compare_volatile=True, difference_limit=3
    )
