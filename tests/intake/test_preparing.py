"""Flows that are alike are prepared as if each were the only one."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from replayd.codec.plan import encode_plan
from replayd.intake.preparing import PlanTerms, Prepared, Preparer
from replayd.model.flow import Flow, FlowKind, Request, Response
from replayd.model.plan import ConnectTo, HttpVersion
from replayd.planning.plan import make_plan
from replayd.planning.refusal import Refusal, refuse
from replayd.planning.target_rules import TargetRules
from replayd.redaction.redactor import Redactor

REDACTOR = Redactor(b"k" * 32)
LIMIT = 1000

PATHS = [
    b"/",
    b"/a",
    b"/a?token=secret&b=1",
    b"/;password=x#access_token=y",
    b"//user:word@host/x",
    b"/a b HTTP/1.1",
    b"/caf\xc3\xa9\xff",
    b"*",
    b"",
    b"a.test:1",
    b"/\r\nX: y",
    b"/" + b"x" * 5000,
]
FIELDS = [
    (b"Host", b"a.test"),
    (b"host", b"b.test:81"),
    (b"Cookie", b"session=0123456789; theme=dark"),
    (b"Authorization", b"Basic dXNlcjp3b3Jk"),
    (b"Proxy-Authorization", b"Basic dXNlcjp3b3Jk"),
    (b"Referer", b"http://a.test/?token=secret"),
    (b"Content-Length", b"4"),
    (b"Transfer-Encoding", b"chunked"),
    (b"Expect", b"100-continue"),
    (b"Idempotency-Key", b"1"),
    (b"X", b"1\r\nY: 2"),
    (b"X", b"1\r\n\t2"),
    (b"Long", b"x" * 4000),
]
VALUES: dict[str, list[Any]] = {
    "method": [b"GET", b"POST", b"CONNECT", b"G T", b"GET\nX"],
    "scheme": [b"http", b"https", b"ftp"],
    "host": ["a.test", "127.0.0.1", "no host"],
    "port": [80, 8080, 0],
    "path": PATHS,
    "http_version": [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1 x"],
    "headers": [(), *((field,) for field in FIELDS), tuple(FIELDS)],
    "content": [b"", b"body", b"other", None, b"x" * (LIMIT + 1)],
    "authority": [b"", b"a.test", b"user:word@a.test:1"],
    "trailers": [(), ((b"T", b"1"),)],
    "flow_id": ["flow", "", "\u00e9"],
    "kind": [FlowKind.HTTP, FlowKind.TCP],
    "response": [None, Response(b"HTTP/1.1", 404)],
    "live": [False, True],
    "intercepted": [False, True],
    "server_name": ["", "b.test"],
}
"""Of a flow and its request; the first ones can be replayed."""
CHANGES = st.sampled_from([(name, value) for name, values in VALUES.items() for value in values])
TERMS = st.builds(
    PlanTerms,
    targets=st.just(TargetRules(deny=["127.0.0.1"])),
    body_size_limit=st.just(LIMIT),
    connect_to=st.sampled_from([(), (ConnectTo("", "a.test", 0, "10.0.0.1", 1),)]),
    raw=st.booleans(),
    http_version=st.sampled_from(list(HttpVersion)),
    trust_idempotency_key=st.booleans(),
)


def prepared_alone(flow: Flow, index: int, digest: bytes, terms: PlanTerms) -> Prepared | Refusal:
    refusal = refuse(
        flow,
        raw=terms.raw,
        body_size_limit=LIMIT,
        connect_to=terms.connect_to,
        targets=terms.targets,
        http_version=terms.http_version,
    )
    if refusal is not None:
        return refusal
    made = make_plan(
        flow,
        flow_index=index,
        connect_to=terms.connect_to,
        raw=terms.raw,
        http_version=terms.http_version,
        trust_idempotency_key=terms.trust_idempotency_key,
    )
    plan = made._replace(url=REDACTOR.url(made.url), recorded_digest=digest)
    shown = REDACTOR.plan(plan)
    encoded = b"" if shown == plan else encode_plan(shown)
    return Prepared(encode_plan(plan), encoded, plan.idempotent, plan.content_size)


def changed(flow: Flow, name: str, value: Any) -> Flow:
    if name in Flow._fields:
        return flow._replace(**{name: value})
    assert flow.request is not None
    return flow._replace(request=flow.request._replace(**{name: value}))


@settings(max_examples=200)
@example(PlanTerms(TargetRules(), LIMIT, raw=True), [("method", b"GET\nX")], [("path", b"/a")])
@example(PlanTerms(TargetRules(), LIMIT), [("http_version", b"HTTP/1.1 x")], [("path", b"/a")])
@example(PlanTerms(TargetRules(), LIMIT), [("scheme", b"https")], [("server_name", "b.test")])
@given(TERMS, st.lists(CHANGES, max_size=4), st.lists(CHANGES, min_size=1, max_size=8))
def test_a_flow_like_others_is_prepared_as_it_would_be_alone(
    terms: PlanTerms, before: list[tuple[str, Any]], others: list[tuple[str, Any]]
) -> None:
    preparer = Preparer(terms, REDACTOR)
    flow = Flow("", "s", FlowKind.HTTP, Request(b"GET", b"http", "a.test", 80, b"/"), None)
    for name, value in before:
        flow = changed(flow, name, value)
    for index, (name, value) in enumerate(others):
        for each in (changed(flow, name, value), flow):
            digest = b"" if index % 2 else b"digest"
            prepared = preparer.prepare(each, index, digest)
            assert prepared == prepared_alone(each, index, digest, terms)


def test_the_moulds_that_are_kept_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replayd.intake.preparing._REMEMBERED", 2)
    preparer = Preparer(PlanTerms(TargetRules(), LIMIT), REDACTOR)
    for port in range(1, 6):
        flow = Flow("", "", FlowKind.HTTP, Request(b"GET", b"http", "a.test", port, b"/"), None)
        assert isinstance(preparer.prepare(flow, 0), Prepared)
        assert len(preparer._moulds) <= 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", b"/" + b"x" * 10_000),
        ("headers", ((b"A", b"x" * 10_000),)),
        ("headers", ((b"Content-Length", b"9" * 10_000),)),
        ("server_name", "x" * 10_000),
        ("trailers", ((b"A", b"x" * 10_000),)),
    ],
)
def test_no_mould_is_large(name: str, value: Any) -> None:
    preparer = Preparer(PlanTerms(TargetRules(), LIMIT), REDACTOR)
    flow = Flow("", "", FlowKind.HTTP, Request(b"GET", b"http", "a.test", 1, b"/"), None)
    assert isinstance(preparer.prepare(changed(flow, name, value), 0), Prepared)
    assert not preparer._moulds
    preparer.prepare(flow, 0)
    assert preparer._moulds
