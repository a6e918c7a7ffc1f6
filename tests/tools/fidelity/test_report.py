from collections import Counter
from dataclasses import replace

from tools.fidelity.report import as_json, text
from tools.fidelity.score import Score, Side

SCORES = [
    Score(
        "a.mitm",
        "mitmproxy",
        flows=5,
        refused=Counter(NOT_HTTP=1),
        ours=Side(3, 1, Counter(HTTP_VERSION=1), details=[(2, "HTTP_VERSION")]),
        theirs=Side(2, unsent=2, split=1, details=[(0, "not sent: no"), (1, "not sent: no")]),
        theirs_error="stuck",
    ),
    Score("b.har", "HAR", error="x" * 100),
]


def test_a_capture_is_a_line_and_each_kind_has_its_total() -> None:
    lines = list(text(SCORES, "mitmproxy 12", verbose=False))
    assert lines[0].split() == ["|", "mitmproxy", "12"]
    assert [line.split()[:6] for line in lines[2:4]] == [
        ["a.mitm", "5", "1", "3", "1", "0"],
        ["b.har", "0", "0", "0", "0", "0"],
    ]
    assert (
        "|          2       0    0      2  refused: NOT_HTTP 1; changes: HTTP_VERSION 1" in lines[2]
    )
    assert lines[2].endswith("1 of mitmproxy's are not one request; mitmproxy: stuck")
    assert lines[3].endswith("not read: xxxxxxx" + "x" * 60 + "...")
    totals = [line.split()[0] for line in lines if line and line[0] != " "][3:]
    assert totals == ["HAR", "mitmproxy", "total"]


def test_without_mitmproxy_nothing_is_said_of_it() -> None:
    alone = Score("a.mitm", "mitmproxy", flows=1, ours=Side(1))
    assert not any("|" in line for line in text([alone], "", verbose=False))


def test_http2_stands_between_the_two() -> None:
    over = Side(1, 2, Counter(LOWER_CASE=2), details=[(3, "LOWER_CASE")])
    scores = [replace(SCORES[0], http2=over), SCORES[1]]
    titles, _, first, second, *_ = text(scores, "mitmproxy 12", verbose=False)
    assert [title.strip() for title in titles.split("|")] == ["", "over HTTP/2", "mitmproxy 12"]
    assert titles.index("|", titles.index("2")) == first.rindex("|")
    assert [column.split()[:4] for column in first.split("|")][1:] == [
        ["1", "2", "0"],
        ["2", "0", "0", "2"],
    ]
    assert "changes over HTTP/2: LOWER_CASE 2" in first
    assert [column.strip() for column in second.split("|")][1] == ""
    lines = list(text(scores, "", verbose=True))
    assert "    over HTTP/2, flow 3: LOWER_CASE" in lines
    assert as_json(scores, "")["captures"][0]["http2"]["changed"] == 2
    assert as_json(scores, "")["captures"][1]["http2"] is None


def test_websockets_have_their_column() -> None:
    said = Side(4, other=1, details=[(2, "1 of 2 messages arrived")])
    scores = [replace(SCORES[0], websockets=said), SCORES[1]]
    titles, headings, first, second, *_ = text(scores, "mitmproxy 12", verbose=False)
    assert [title.strip() for title in titles.split("|")] == ["", "on WebSockets", "mitmproxy 12"]
    assert [column.split()[:2] for column in headings.split("|")][1] == ["identical", "else"]
    assert [column.split() for column in first.split("|")][1] == ["4", "1"]
    assert [column.strip() for column in second.split("|")][1] == ""
    assert titles.rindex("|") == headings.rindex("|") == first.rindex("|")
    lines = list(text(scores, "", verbose=True))
    assert "    on WebSockets, flow 2: 1 of 2 messages arrived" in lines
    assert as_json(scores, "")["captures"][0]["websockets"]["else"] == 1
    assert as_json(scores, "")["captures"][1]["websockets"] is None


def test_verbose_says_what_differs_in_which_flow() -> None:
    lines = list(text(SCORES, "mitmproxy 12", verbose=True))
    assert "    replayd, flow 2: HTTP_VERSION" in lines
    assert "    mitmproxy, flow 1: not sent: no" in lines
    assert any("x" * 100 in line for line in lines)


def test_json_has_everything() -> None:
    made = as_json(SCORES, "mitmproxy 12")
    assert made["mitmproxy"] == "mitmproxy 12"
    first, second = made["captures"]
    assert first["replayd"]["changes"] == {"HTTP_VERSION": 1}
    assert first["mitmproxy"]["unsent"] == 2
    assert first["refused"] == {"NOT_HTTP": 1}
    assert (second["mitmproxy"], second["error"]) == (None, "x" * 100)
    assert [each["name"] for each in made["totals"]] == ["HAR", "mitmproxy", "total"]
    assert made["totals"][2]["captures"] == 2
