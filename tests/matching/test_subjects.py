"""What a filter sees of a replay at each of its events."""

import pytest
from flowreplay.v1 import event_pb2

from replayd.filters import compile_filter
from replayd.matching import subjects
from replayd.matching.subjects import Replays
from replayd.matching.terms import needs_request
from tests.matching.replays import answered, asked, failed, noted


def found(text: str, *events: event_pb2.Event, request: bytes = b"") -> list[bool | None]:
    """What a filter says at each event; None: it needs the request."""
    replays, matches = Replays(), compile_filter(text)
    needs = needs_request(text)
    said: list[bool | None] = []
    for event in events:
        subject = replays.subject(event, request, revealed=False, needs_request=needs)
        said.append(None if subject is None else matches(subject))
    return said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~m POST", [True, True, True]),
        ("~u 'login\\\\?a=1$'", [True, True, True]),
        ("~d shop.test", [True, True, True]),
        ("~d 10.0.0.1", [True, True, True]),
        ("~hq '^host: shop.test\\r$'", [True, True, True]),
        ("~tq login", [True, True, True]),
        ("~bq joe", [True, True, True]),
        ("~http", [True, True, True]),
        ("~websocket", [False, False, False]),
        ("~q", [True, False, True]),
        ("~s", [False, True, False]),
        ("~c 500", [False, True, False]),
        ("~e", [False, False, True]),
        ("~bs oops", [False, True, False]),
        ("~b oops|joe", [True, True, True]),
        ("~ts answer", [False, True, False]),
        ("~hs answer", [False, True, False]),
    ],
)
def test_each_event_has_its_request_and_what_came(text: str, expected: list[bool]) -> None:
    assert found(text, asked(), answered(), failed()) == expected


def test_method_and_url_are_known_without_the_request() -> None:
    assert found("~m POST & ~u login & ~c 500", answered()) == [True]
    assert found("~m POST & ~tq login", answered()) == [None]
    request = asked().request.SerializeToString()
    assert found("~m POST & ~tq login", answered(), request=request) == [True]


def test_a_note_is_about_the_request() -> None:
    assert found("~m POST", noted()) == [None]
    assert found("~m POST", asked(), noted(), noted("b.1")) == [True, True, None]


def test_a_websocket_has_its_messages() -> None:
    upgraded = answered(101, said=b"welcome")
    assert found("~websocket", asked(websocket=True), upgraded) == [True, True]
    assert found("~bs welcome", asked(websocket=True), upgraded) == [False, True]
    assert found("~websocket", upgraded) == [None]


def test_requests_with_and_without_secrets_are_kept_apart() -> None:
    replays = Replays()
    replays.subject(asked(), b"", revealed=True, needs_request=True)
    subject = replays.subject(answered(), b"", revealed=False, needs_request=True)
    assert subject is None


@pytest.mark.parametrize("name", ["KEPT_REQUESTS", "KEPT_BYTES"])
def test_few_requests_are_remembered(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(subjects, name, 1 if name == "KEPT_REQUESTS" else 15)
    events = (asked(), asked(), asked(replay_id="b.1"), noted(), noted("b.1"))
    assert found("~m POST", *events) == [True, True, True, None, True]
