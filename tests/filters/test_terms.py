import pytest

from replayd.filters import Subject, compile_filter
from replayd.filters.terms import TERMS
from replayd.model.flow import Flow, FlowError, FlowKind, Request, Response, WebSocket
from tests.docs.test_tables import first_cells, section
from tests.support.programs import ROOT

GET = Flow(
    request=Request(
        b"GET",
        b"http",
        "api.test",
        80,
        b"/items?page=2",
        headers=((b"Host", b"api.test"), (b"Accept", b"text/css"), (b"Content-Type", b"a/b")),
        content=b"question",
    ),
    response=Response(
        b"HTTP/1.1",
        404,
        headers=((b"Server", b"nginx"), (b"Content-Type", b"text/css; charset=utf-8")),
        content=b"one\ntwo",
    ),
    comment="first\nsecond",
    mark=":red:",
)
BROKEN = Flow(request=Request(b"PUT", b"http", "api.test", 80, b"/"), error=FlowError("reset"))
SOCKET = GET._replace(kind=FlowKind.WEBSOCKET, websocket=WebSocket(), comment="", mark="")
OTHERS = [Flow(kind=kind) for kind in (FlowKind.TCP, FlowKind.UDP, FlowKind.DNS)]
FLOWS = {"get": GET, "broken": BROKEN, "socket": SOCKET}
FLOWS |= {each.kind.name.lower(): each for each in OTHERS}

HTTP = {"get", "broken", "socket"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("~all", set(FLOWS)),
        ("~http", HTTP),
        ("~websocket", {"socket"}),
        ("~tcp", {"tcp"}),
        ("~udp", {"udp"}),
        ("~dns", {"dns"}),
        ("~q", {"broken"}),
        ("~s", {"get", "socket"}),
        ("~e", {"broken"}),
        ("~a", {"get", "socket"}),
        ("~marked", {"get"}),
        ("~marker RED", {"get"}),
        ("~comment ^second$", {"get"}),
        ("~c 404", {"get", "socket"}),
        ("~c 40", set()),
        ("~m ^put$", {"broken"}),
        ("~d API\\.test", HTTP),
        ("~u 'page=[0-9]$'", {"get", "socket"}),
        ("~h '^accept: text/css'", {"get", "socket"}),
        ("~h nginx", {"get", "socket"}),
        ("~hq nginx", set()),
        ("~hq ^HOST:", {"get", "socket"}),
        ("~hs ^server:", {"get", "socket"}),
        ("~hs accept", set()),
        ("~t a/b", {"get", "socket"}),
        ("~tq a/b", {"get", "socket"}),
        ("~tq css", set()),
        ("~ts css", {"get", "socket"}),
        ("~ts a/b", set()),
        ("~b one.two", {"get", "socket"}),
        ("~b question", {"get", "socket"}),
        ("~bq question", {"get", "socket"}),
        ("~bq one", set()),
        ("~bs TWO", {"get", "socket"}),
        ("~bs question", set()),
    ],
)
def test_each_finds_what_it_is_about(expression: str, expected: set[str]) -> None:
    finds = compile_filter(expression)
    assert {name for name, flow in FLOWS.items() if finds(Subject(flow))} == expected


def test_all_are_in_the_document() -> None:
    listed = {each.split(" ")[0] for each in first_cells(section("docs/filters.md", "## Terms"))}
    assert listed == {f"~{name}" for name in TERMS}
    text = (ROOT / "docs" / "filters.md").read_text()
    assert all(f"| {term.what} |" in text for term in TERMS.values())
