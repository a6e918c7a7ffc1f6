"""Says which flows of captures mitmproxy's own filters find, as JSON.

    CAPTURES='["a.mitm"]' FILTERS='["~m GET"]' mitmdump -nqs tests/support/mitmproxy_filters.py

An addon of mitmproxy: it runs in mitmproxy's own environment. Prints {capture: {filter: [indexes
of flows, or null where it takes the filter for none]}}.
"""

import json
import os
from pathlib import Path

from mitmproxy import ctx, flow, flowfilter, io


def found(expression: str, flows: list[flow.Flow]) -> list[int] | None:
    """Indexes of the flows that an expression finds."""
    try:
        matches = flowfilter.parse(expression)
    except ValueError:
        return None
    return [index for index, each in enumerate(flows) if matches(each)]


def running() -> None:
    """Called when mitmproxy has started."""
    answer = {}
    for capture in json.loads(os.environ["CAPTURES"]):
        with Path(capture).open("rb") as file:
            flows = list(io.FlowReader(file).stream())
        answer[capture] = {each: found(each, flows) for each in json.loads(os.environ["FILTERS"])}
    print(json.dumps(answer), flush=True)  # noqa: T201 - its output
    ctx.master.shutdown()
