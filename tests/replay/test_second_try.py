"""Which failures are followed by a second try, as a table."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest

from replayd.errors import WireError
from replayd.model.outcome import ConnectionInfo
from replayd.model.plan import HttpVersions, Plan, Target
from replayd.reasons import Reason
from replayd.replay.second_try import SecondTry, second_try
from replayd.replay.transfer import Transfer

AFRESH, OVER_HTTP1 = SecondTry.AFRESH, SecondTry.OVER_HTTP1


@dataclass
class Case:
    """A failure; as given, an idempotent request on a kept connection that was closed."""

    reason: Reason = Reason.CLOSED_EARLY
    reused: bool = True
    answered: bool = False
    idempotent: bool = True
    untouched: bool = False
    refused: bool = False
    needs_http1: bool = False
    versions: HttpVersions = HttpVersions.TWO_OR_ONE
    resent: int = 0

    def decided(self) -> SecondTry | None:
        transfer = SimpleNamespace(
            info=ConnectionInfo("192.0.2.1:80", reused=self.reused),
            first_byte=1 if self.answered else None,
            untouched=self.untouched,
            refused=self.refused,
            needs_http1=self.needs_http1,
        )
        plan = Plan(b"", b"", Target("https", "host.example", 443), b"", idempotent=self.idempotent)
        return second_try(
            WireError(self.reason, "failed"),
            cast(Transfer, transfer),
            plan,
            self.versions,
            resent=self.resent,
        )


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (Case(), AFRESH),
        (Case(Reason.CONNECTION_RESET), AFRESH),
        (Case(Reason.TLS_FAILED), AFRESH),
        (Case(Reason.FIRST_BYTE_TIMEOUT), None),
        (Case(Reason.INVALID_RESPONSE), None),
        (Case(reused=False), None),
        (Case(answered=True), None),
        (Case(idempotent=False), None),
        (Case(idempotent=False, untouched=True), AFRESH),
        (Case(resent=1), None),
        (Case(Reason.STREAM_RESET, reused=False), None),
        (Case(Reason.STREAM_RESET, reused=False, idempotent=False, refused=True), AFRESH),
        (Case(Reason.STREAM_RESET, refused=True, answered=True), None),
        (Case(Reason.STREAM_RESET, refused=True, resent=2), AFRESH),
        (Case(Reason.STREAM_RESET, refused=True, resent=3), None),
        (Case(Reason.VERSION_NOT_SPOKEN, idempotent=False, needs_http1=True), OVER_HTTP1),
        (Case(Reason.VERSION_NOT_SPOKEN, needs_http1=True, resent=1), OVER_HTTP1),
        (Case(Reason.VERSION_NOT_SPOKEN, needs_http1=True, versions=HttpVersions.TWO), None),
        (Case(Reason.VERSION_NOT_SPOKEN, needs_http1=True, answered=True), None),
    ],
)
def test_what_is_sent_once_more(case: Case, expected: SecondTry | None) -> None:
    assert case.decided() is expected
