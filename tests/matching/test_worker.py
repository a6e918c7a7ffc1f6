"""The filters' process, without the process: questions in, answers out."""

import io

import pytest

from replayd.errors import ReplaydError
from replayd.matching import worker
from replayd.matching.frames import Candidate, Question, Verdict, decode_answer, encode_question
from replayd.workers.frames import read_frame
from tests.matching.replays import answered, asked, noted

ASKED, ANSWERED = asked().SerializeToString(), answered().SerializeToString()


def test_it_answers_until_its_questions_end(monkeypatch: pytest.MonkeyPatch) -> None:
    granted: list[int] = []
    monkeypatch.setattr(worker, "grant_time", granted.append)
    questions = [
        Question("~tq login", [Candidate(ANSWERED), Candidate(noted("").SerializeToString())]),
        Question("~tq login", [Candidate(ASKED), Candidate(ANSWERED)]),
        Question("~m PUT", [Candidate(ASKED)]),
        Question("~zz", [Candidate(ASKED)]),
        Question("~m GET & ~marked", []),
    ]
    sink = io.BytesIO()
    with pytest.raises(EOFError):
        worker.serve(io.BytesIO(b"".join(map(encode_question, questions)) + b"\1"), sink, 7)
    sink.seek(0)
    answers: list[list[Verdict] | str] = []
    for _ in questions:
        try:
            answers.append(decode_answer(*read_frame(sink)))
        except ReplaydError as error:
            answers.append(error.message.removeprefix("filter can't be read: "))
    assert not sink.read()
    assert answers == [
        [Verdict.UNKNOWN, Verdict.NO],
        [Verdict.YES, Verdict.YES],
        [Verdict.NO],
        "there is no ~zz; see docs/filters.md for all there are (at character 1)",
        "events do not tell what ~marked is about (at character 10)",
    ]
    assert granted == [7] * len(questions)
