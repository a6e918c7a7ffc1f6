"""The filters' process, without the process: questions in, answers out."""

import io

import pytest

from replayd.matching import worker
from replayd.matching.frames import HEADER, Item, Question, Verdict, decode_answer, encode_question
from tests.matching.replays import answered, asked, noted

ASKED, ANSWERED = asked().SerializeToString(), answered().SerializeToString()


def test_it_answers_until_its_questions_end(monkeypatch: pytest.MonkeyPatch) -> None:
    granted: list[int] = []
    monkeypatch.setattr(worker, "_grant_time", granted.append)
    questions = [
        Question("~tq login", [Item(ANSWERED), Item(noted("").SerializeToString())]),
        Question("~tq login", [Item(ASKED), Item(ANSWERED)]),
        Question("~m PUT", [Item(ASKED)]),
        Question("~zz", [Item(ASKED)]),
        Question("~m GET & ~marked", []),
    ]
    sink = io.BytesIO()
    worker.serve(io.BytesIO(b"".join(map(encode_question, questions)) + b"\1"), sink, 7)
    sink.seek(0)
    answers = []
    while header := sink.read(HEADER.size):
        good, length = HEADER.unpack(header)
        payload = sink.read(length)
        answers.append(decode_answer(good, payload) if good else payload.decode())
    assert answers == [
        [Verdict.UNKNOWN, Verdict.NO],
        [Verdict.YES, Verdict.YES],
        [Verdict.NO],
        '["there is no ~zz; see docs/filters.md for all there are (at character 1)", 0]',
        '["events do not tell what ~marked is about (at character 10)", 9]',
    ]
    assert granted == [7] * len(questions)
