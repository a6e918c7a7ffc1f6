"""A capture through all that an Enqueue does: outcomes, refusals, and broken promises."""

from dataclasses import replace

import pytest

from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format
from replayd.intake import decode
from replayd.intake.frames import Summary
from replayd.reasons import Reason
from tools.fuzz.enqueue import BrokenPromiseError, Way, enqueue

GET = b"GET http://a.test/x\nHost: b.test\n\n###\nGET {{unknown}}\n###\nGET http://denied.test/\n"
WAY = Way(Format.HTTP)


def test_flows_are_accepted_and_refused() -> None:
    for way in (WAY, replace(WAY, piece=3), replace(WAY, format=None, raw=True, salvage=True)):
        summary = enqueue(GET, way)
        assert isinstance(summary, Summary)
        assert (summary.accepted, summary.refused, summary.noted) == (1, 2, 1)


def test_a_capture_may_be_refused() -> None:
    assert enqueue(b"{", Way(Format.HAR)) is Reason.DAMAGED_CAPTURE
    assert enqueue(b"\0", Way()) is Reason.UNKNOWN_FORMAT
    salvaged = enqueue(b"{", Way(Format.HAR, salvage=True))
    assert isinstance(salvaged, Summary)
    assert salvaged.refused == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ReplaydError(Reason.INTERNAL, "x"), "INTERNAL is no reason"),
        (CaptureError("x", byte_offset=1000, flow_index=0), "byte 1000 of 70"),
        (CaptureError("x", byte_offset=-1, flow_index=0), "byte -1 of 70"),
        (CaptureError("x" * 2001, byte_offset=0, flow_index=0), "a message of 20"),
    ],
)
def test_other_errors_break_a_promise(
    error: ReplaydError, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(decode, "read_capture", broken)
    with pytest.raises(BrokenPromiseError, match=said):
        enqueue(GET[:70], WAY)


def test_what_was_salvaged_is_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise CaptureError("x", byte_offset=0, flow_index=0)

    monkeypatch.setattr(decode, "read_capture", broken)
    with pytest.raises(BrokenPromiseError, match="to be salvaged"):
        enqueue(GET, replace(WAY, salvage=True))
