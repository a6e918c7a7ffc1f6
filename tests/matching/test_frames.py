"""Questions and answers come out as they went in."""

import pytest

from replayd.errors import ReplaydError
from replayd.matching.frames import (
    Candidate,
    Frame,
    Question,
    Verdict,
    decode_answer,
    decode_question,
    encode_failure,
    encode_question,
    encode_verdicts,
)
from replayd.reasons import Reason
from replayd.workers.frames import HEADER


@pytest.mark.parametrize(
    "question",
    [
        Question("~m ä", []),
        Question(
            "",
            [Candidate(b"event"), Candidate(b"", b"request"), Candidate(b"e", b"r")],
            revealed=True,
        ),
    ],
)
def test_a_question_travels(question: Question) -> None:
    encoded = encode_question(question)
    kind, length = HEADER.unpack_from(encoded)
    payload = encoded[HEADER.size :]
    assert (kind, length) == (Frame.QUESTION, len(payload))
    assert decode_question(payload) == question


def test_verdicts_travel() -> None:
    verdicts = [Verdict.YES, Verdict.NO, Verdict.UNKNOWN]
    encoded = encode_verdicts(verdicts)
    kind, length = HEADER.unpack_from(encoded)
    assert decode_answer(kind, encoded[HEADER.size :]) == verdicts
    assert length == 3


def test_a_failure_has_its_place() -> None:
    encoded = encode_failure("what ä", 7)
    kind, _ = HEADER.unpack_from(encoded)
    with pytest.raises(ReplaydError, match="filter can't be read: what ä") as caught:
        decode_answer(kind, encoded[HEADER.size :])
    assert caught.value.reason is Reason.INVALID_OPTIONS
    assert caught.value.metadata == {"field": "filter", "position": "7"}
