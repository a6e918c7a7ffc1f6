"""Reads dumps inside mitmproxy and prints what it sees, a dump a line, as JSON.

    DUMPS=a.mitm:b.mitm mitmdump -nqs tests/support/mitmproxy_witness.py

An addon of mitmproxy: it runs in mitmproxy's own environment.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mitmproxy import ctx, http, io
from mitmproxy.io import tnetstring


def message(found: Any) -> dict[str, Any] | None:
    """A request or a response; bytes as ISO 8859-1."""
    if found is None:
        return None
    return {
        "fields": [[part.decode("latin-1") for part in field] for field in found.headers.fields],
        "content": None if found.raw_content is None else found.raw_content.decode("latin-1"),
        "times": [found.timestamp_start, found.timestamp_end],
    }


def answer(flow: http.HTTPFlow) -> dict[str, Any]:
    """What the flow has of a response."""
    return {
        "status": flow.response.status_code if flow.response else None,
        "response": message(flow.response),
        "error": flow.error.msg if flow.error else None,
        "websocket": conversation(flow),
    }


def conversation(flow: http.HTTPFlow) -> dict[str, Any] | None:
    """What was said on a WebSocket, and who closed it how."""
    said = flow.websocket
    if said is None:
        return None
    return {
        "messages": [
            [int(each.type), each.from_client, each.content.decode("latin-1"), each.dropped]
            for each in said.messages
        ],
        "close": [said.closed_by_client, said.close_code, said.close_reason],
    }


def describe(flow: http.HTTPFlow) -> dict[str, Any]:
    """Everything a test asks about; the last thing it does is to revert the flow."""
    seen = {
        "id": flow.id,
        "method": flow.request.data.method.decode("latin-1"),
        "path": flow.request.data.path.decode("latin-1"),
        "url": flow.request.url,
        "request": message(flow.request),
        "replayed": flow.is_replay,
        "modified": flow.modified(),
        "server": flow.server_conn.peername,
        "tls": [flow.server_conn.tls_version, flow.server_conn.sni],
        "again": tnetstring.dumps(flow.get_state()).hex(),
        **answer(flow),
    }
    flow.revert()
    return {**seen, "reverted": answer(flow), "still_modified": flow.modified()}


def running() -> None:
    """Called when mitmproxy has started."""
    for dump in os.environ["DUMPS"].split(os.pathsep):
        print(json.dumps(list(map(describe, flows_of(Path(dump))))))  # noqa: T201 - its output
    ctx.master.shutdown()


def flows_of(dump: Path) -> Iterator[http.HTTPFlow]:
    with dump.open("rb") as file:
        for flow in io.FlowReader(file).stream():
            assert isinstance(flow, http.HTTPFlow)
            yield flow
