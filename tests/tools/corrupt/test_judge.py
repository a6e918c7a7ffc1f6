"""What the judge of damaged journals takes for wrong, and what not."""

from pathlib import Path

import pytest

from replayd.codec.event import interrupted_event, update_event, with_sequence
from replayd.journal.interface import Part
from replayd.model.event import UpdateKind
from replayd.model.replay import ReplayKey, ReplayState, ranges_of
from tests.tools.corrupt.copies import copied
from tools.corrupt.judge import judge, not_settled
from tools.corrupt.reference import NOW, Reference


def requeued(*indices: int) -> bytes:
    ranges = ranges_of("b", indices)
    event = update_event(UpdateKind.REQUEUED, NOW, ranges=ranges, count=len(indices), batch_id="b")
    return with_sequence(1, event.body)


def ended(index: int, state: ReplayState = ReplayState.INTERRUPTED) -> bytes:
    event = interrupted_event(ReplayKey("b", 0, index), 1, b"", state, NOW, poison=False)
    return with_sequence(2, event.body)


WHOLE = [requeued(1, 2), ended(3)]


@pytest.mark.parametrize(
    "found",
    [
        WHOLE,
        pytest.param([requeued(2), ended(1), ended(3)], id="one that can't be read is parked"),
        pytest.param([requeued(1, 2)], id="an event that can't be read is told elsewhere"),
    ],
)
def test_what_an_opening_may_make_of_what_was_in_doubt(found: list[bytes]) -> None:
    assert list(not_settled(found, WHOLE)) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([requeued(1, 2, 3)], "b.3 is QUEUED after the opening"),
        ([requeued(1, 2), ended(4)], "b.4 is INTERRUPTED after the opening"),
        ([ended(1, ReplayState.FAILED)], "b.1 is FAILED after the opening"),
        ([requeued(1, 2), ended(2)], "b.2 is settled twice"),
        (
            [with_sequence(7, update_event(UpdateKind.PAUSED, NOW).body)],
            "event 7 of the opening settles nothing",
        ),
    ],
)
def test_what_an_opening_must_not_make_of_it(found: list[bytes], said: str) -> None:
    assert list(not_settled(found, WHOLE)) == [said]


def test_a_whole_journal_is_judged_whole(whole: list[Reference], tmp_path: Path) -> None:
    for reference in whole:
        verdict = judge(reference, copied(reference, tmp_path))
        assert (verdict.wrong, verdict.ends) == ([], [])


def test_another_event_and_another_content_than_were_written_are_wrong(
    whole: list[Reference], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = whole[0]
    key = ReplayKey("batch0", 0, 1)
    monkeypatch.setitem(reference.contents, (key, Part.REQUEST), b"another")
    events = [*reference.events[:4], reference.events[3], *reference.events[5:]]
    monkeypatch.setattr(reference, "events", events)
    assert judge(reference, copied(reference, tmp_path)).wrong == [
        "salvaged: the request content of batch0.1 is another one (200 bytes)",
        "event 5 is another one",
        "the request content of batch0.1 is another one (200 bytes)",
    ]


def test_what_must_not_be_sent_is_wrong(
    whole: list[Reference], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = whole[0]
    waits = max(reference.waiting)
    monkeypatch.setattr(reference, "waiting", reference.waiting - {waits})
    said = f"{waits.replay_id} would be sent again"
    assert said in judge(reference, copied(reference, tmp_path)).wrong


def test_damage_that_is_noticed_is_not_wrong(whole: list[Reference], tmp_path: Path) -> None:
    folder = copied(whole[0], tmp_path)
    (folder / "journal.db").unlink()
    verdict = judge(whole[0], folder)
    assert (verdict.wrong, set(verdict.ends)) == ([], {"found", "not salvaged", "refused"})
