"""What a dry run shows is what is sent, byte for byte, and it sends nothing itself."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flowreplay.v1 import replay_pb2

from tests.support.captures import CAPTURES
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.recorder import Recorder
from tests.support.socks import SocksProxy

NAMES = ("rec-basic", "mut-content-length-wrong-missing-both-double", "mut-header-injection")


def planned(daemon: Daemon, *arguments: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The flows and the sum of a dry run."""
    done = daemon.replayctl("--output", "json", "enqueue", "--dry-run", *arguments)
    *flows, summary = map(json.loads, done.stdout.splitlines())
    return flows, summary


def raw(flow: dict[str, Any]) -> bytes:
    """The bytes of a request, from what a dry run shows of it."""
    plan, content = flow["plan"], base64.b64decode(flow["content"])
    assert not flow["contentTruncated"]
    if plan["framing"] == "FRAMING_CHUNKED":
        chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
        content = chunk + b"0\r\n" + base64.b64decode(plan["trailerSection"]) + b"\r\n"
    return base64.b64decode(plan["head"]) + content


@pytest.mark.parametrize("upstream", ["", "http", "socks5"])
@pytest.mark.parametrize("name", NAMES)
def test_it_shows_the_bytes_that_arrive(
    start_daemon: Callable[..., Daemon],
    start_recorder: Callable[..., Recorder],
    authority: Authority,
    name: str,
    upstream: str,
) -> None:
    # Plain http through an http upstream: the recorder is the proxy, and sees it all.
    plain = start_recorder()
    secure = start_recorder(tls=authority.server_context("any.test"))
    with SocksProxy() as socks:
        ports = {"http": plain.port, "socks5": socks.port}
        proxy = ["--upstream", f"{upstream}://u:p@127.0.0.1:{ports[upstream]}"] if upstream else []
        if upstream == "socks5":
            proxy[1] = proxy[1].replace("u:p@", "")
        daemon = start_daemon("--ephemeral", "--insecure", *proxy)
        arguments = [
            *("--connect-to", f"http://=127.0.0.1:{plain.port}"),
            *("--connect-to", f"https://=127.0.0.1:{secure.port}"),
            str(CAPTURES[name].path),
        ]
        flows, summary = planned(daemon, *arguments)
        status = daemon.stub().GetStatus(replay_pb2.GetStatusRequest())
        assert status.latest_sequence == 0
        assert plain.requests == secure.requests == []
        assert int(summary["acceptedCount"]) == len(flows)
        daemon.replayctl("enqueue", "--wait", *arguments)
    arrived = {"http": iter(plain.requests), "https": iter(secure.requests)}
    for flow in flows:
        # All but the proxy's credentials, which are nobody's to see.
        shown = raw(flow).replace("Basic ‹redacted 4B›".encode(), b"Basic dTpw")
        assert shown == next(arrived[flow["plan"]["target"]["scheme"]]).raw
        assert flow["upstream"].startswith(upstream)
    assert not any(list(left) for left in arrived.values()), "something else arrived too"


def test_a_damaged_capture_shows_what_came_before_and_says_where(
    start_daemon: Callable[..., Daemon],
) -> None:
    daemon = start_daemon("--ephemeral")
    path = str(CAPTURES["mut-truncated-mid-flow"].path)
    done = daemon.replayctl("enqueue", "--dry-run", path, exit_code=4)
    assert f"{path}: " in done.stderr
    assert "[DAMAGED_CAPTURE]" in done.stderr
    assert "would be sent" not in done.stdout
