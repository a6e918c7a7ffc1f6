"""HARs for tests: the real ones with their witnesses, and made-up entries."""

import io
import json
from typing import Any

from replayd.formats import Format, read_capture
from replayd.model.flow import CaptureNote, Flow, Request, Response
from tests.support.captures import FOLDER

HARS = {path.name: path for path in sorted((FOLDER / "har").glob("*har"))}
"""Every real HAR by its name."""


def witness(name: str) -> dict[str, Any]:
    """What mitmproxy made of a real one (see its README)."""
    loaded: dict[str, Any] = json.loads((FOLDER / "har" / f"{name}.json").read_text())
    return loaded


def har(*entries: Any, **members: Any) -> bytes:
    """A HAR with these entries."""
    log = {"version": "1.2", "creator": {"name": "tests", "version": "1"}, **members}
    return json.dumps({"log": {**log, "entries": entries}}).encode()


def entry(request: Any = None, response: Any = None, **members: Any) -> dict[str, Any]:
    """An entry; `request` and `response` change what they usually are."""
    return {
        "startedDateTime": "2026-11-23T00:06:18.500Z",
        "time": 30,
        "request": {
            "method": "GET",
            "url": "http://a.test/x?y=1",
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "Host", "value": "a.test"}],
            "headersSize": -1,
            "bodySize": -1,
            **(request or {}),
        },
        "response": {
            "status": 200,
            "statusText": "OK",
            "httpVersion": "HTTP/1.1",
            "headers": [],
            "content": {"size": 2, "mimeType": "text/plain", "text": "ok"},
            **(response or {}),
        },
        **members,
    }


def post(text: str | None = None, *headers: tuple[str, str], **data: Any) -> dict[str, Any]:
    """An entry with a POST; `data` are members of its postData."""
    fields = [{"name": name, "value": value} for name, value in (("Host", "a.test"), *headers)]
    return entry({"method": "POST", "headers": fields, "postData": {"text": text, **data}})


def read(data: bytes) -> tuple[list[Flow], list[CaptureNote]]:
    """The flows of a HAR, and the notes."""
    found = list(read_capture(io.BytesIO(data), format=Format.HAR))
    flows = [each for each in found if isinstance(each, Flow)]
    return flows, [each for each in found if isinstance(each, CaptureNote)]


def read_entry(given: Any) -> tuple[Flow, list[str]]:
    """The flow of a single entry, and the notes about it."""
    [flow], notes = read(har(given))
    return flow, [note.message for note in notes]


def request_of(given: Any) -> Request:
    """The request of an entry that has nothing to note."""
    flow, notes = read_entry(given)
    assert notes == []
    assert flow.request is not None
    return flow.request


def response_of(given: Any) -> Response:
    """The recorded response of an entry that has nothing to note."""
    flow, notes = read_entry(given)
    assert notes == []
    assert flow.response is not None
    return flow.response
