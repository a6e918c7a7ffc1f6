"""Where replays may not go they never go, however it is written: who listens there sees no
connection.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from flowreplay.v1 import flow_pb2, reason_pb2, replay_pb2

from tests.support.calls import Event, enqueue, enqueue_capture, events, flow, outcomes, payload
from tests.support.daemon import Daemon
from tests.support.recorder import Recorded, Recorder

DENIED = "127.0.0.2"

SPELLINGS = [
    # The ways of inet_aton.
    *("127.0.0.2", "127.2", "127.0.2", "0x7f.2", "0x7f000002", "0X7F000002", "2130706434"),
    *("0177.0.0.2", "00000177.0.0.2", "017700000002", "0x7f.0x0.0x0.0x2", "127.000.000.002"),
    *("0x0000000000007f000002", "0177.0x0.2", "127.0x000002", "0x7F.0.02"),
    # The root's dot.
    *("127.0.0.2.", "0x7f000002.", "2130706434."),
    # What IDNA makes digits and dots of.
    *("①②⑦.⓪.⓪.②", "127。0。0。2", "127.0.0.２", "𝟏𝟐𝟕.0.0.2", "１２７.0.0.2", "0ｘ7f000002"),  # noqa: RUF001
    *("127．0．0．2", "²¹³⁰⁷⁰⁶⁴³⁴", "127｡0｡0｡2"),  # noqa: RUF001
    # IPv4 in IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
    *("::ffff:127.0.0.2", "[::ffff:127.0.0.2]", "::ffff:7f00:2", "0:0:0:0:0:ffff:7f00:2"),
    *("0000:0000:0000:0000:0000:FFFF:7F00:0002", "::FFFF:7F00:2", "::ffff:127.0.0.2%1"),
    *("::127.0.0.2", "::7f00:2", "::ffff:0:127.0.0.2", "64:ff9b::7f00:2", "64:ff9b::127.0.0.2"),
    *("64:ff9b:1::7f00:2", "2002:7f00:2::", "2002:7f00:0002::1", "[2002:7F00:2::]"),
    *("2001:0:7f00:2::", "2001:0:808:808::80ff:fffd", "2001:db8::5efe:7f00:2"),
    *("2001:db8::200:5efe:127.0.0.2", "fe80::5efe:7f00:2"),
]
"""Each is the denied address to somebody."""

NOBODY = ["0.0.0.0", "0", "::", "169.254.169.254", "2852039166", "169.254.170.2", "192.0.0.192"]
NOBODY += [
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "ff02::1",
]
NOBODY += ["255.255.255.255", "224.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]
"""Denied without being asked to."""

NO_HOSTS = [
    "127.0.0.1@127.0.0.2",
    "127.0.0.2#@127.0.0.1",
    "127.0.0.2/",
    "127.0.0.2\\",
    "127.0.0.2?",
]
NO_HOSTS += [
    " 127.0.0.2",
    "127.0.0.2 ",
    "127.0.0.2\t",
    "127.0.0.2\r\n",
    "127.0.0.2\0",
    "127.0.0.2:80",
]
NO_HOSTS += ["[127.0.0.2", "127.0.0.2]", "", "[]"]


class Canary:
    """Listens where nobody may go, and counts who comes."""

    def __init__(self) -> None:
        self._listener = socket.create_server((DENIED, 0))
        self.port: int = self._listener.getsockname()[1]
        self._came = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def count(self) -> int:
        """How many have come, but for the one that looks."""
        with socket.create_connection((DENIED, self.port)) as last:
            last.shutdown(socket.SHUT_WR)
            # Whoever came before was accepted before.
            assert last.recv(1) == b""
        self._came -= 1
        return self._came

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._came += 1
            stream.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    made = Canary()
    yield made
    made.close()


@contextmanager
def at_ease(canary: Canary, good: Recorder) -> Iterator[None]:
    """What happens inside reaches nobody but the recorder."""
    before = len(good.requests)
    yield
    assert canary.count() == 0
    assert len(good.requests) > before, "what is allowed arrives"


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    options = f"--ephemeral --deny-target {DENIED} --read-timeout 2s --allow-target *"
    with Daemon(*options.split()) as running:
        yield running


def to(host: str, port: int, **fields: object) -> flow_pb2.Flow:
    """A flow whose host is written like this."""
    made = flow("http://test.example/")
    made.request.host, made.request.port = host, port
    for name, value in fields.items():
        setattr(made.request, name, value)
    return made


def reasons(receipt: replay_pb2.EnqueueResponse) -> list[str]:
    return [reason_pb2.Reason.Name(each.reason) for each in receipt.refusals]


def ends(daemon: Daemon, receipt: replay_pb2.EnqueueResponse) -> list[Event]:
    """How each replay of a batch ended, in order."""
    seen = events(daemon.stub(), receipt.cursor, batch_id=receipt.batch_id)
    found = outcomes(seen).values()
    return sorted((each for (each,) in found), key=lambda each: int(each.replay_id.split(".")[1]))


def test_sixty_spellings_of_an_address(
    daemon: Daemon, canary: Canary, start_recorder: Callable[..., Recorder]
) -> None:
    good = start_recorder()
    hosts = [*SPELLINGS, *NOBODY]
    assert len(hosts) >= 60
    with at_ease(canary, good):
        flows = [to(host, canary.port) for host in hosts]
        receipt = enqueue(daemon.stub(), [*flows, to("127.0.0.1", good.port)])
        assert [hosts[each.flow_index] for each in receipt.refusals] == hosts
        assert set(reasons(receipt)) == {"REASON_TARGET_DENIED"}
        for each in receipt.refusals:
            flag = (
                "--deny-target 127.0.0.2" if each.flow_index < len(SPELLINGS) else "--allow-target"
            )
            assert flag in each.message, each
        assert [payload(each) for each in ends(daemon, receipt)] == ["response"]


def test_what_is_no_host_is_refused(
    daemon: Daemon, canary: Canary, start_recorder: Callable[..., Recorder]
) -> None:
    good = start_recorder()
    with at_ease(canary, good):
        flows = [to(host, canary.port) for host in NO_HOSTS]
        receipt = enqueue(daemon.stub(), [*flows, to("127.0.0.1", good.port)])
        assert reasons(receipt) == ["REASON_INVALID_TARGET"] * len(NO_HOSTS)
        ends(daemon, receipt)


def test_an_address_to_dial_is_judged_in_every_spelling(
    daemon: Daemon, canary: Canary, start_recorder: Callable[..., Recorder]
) -> None:
    good = start_recorder()
    with at_ease(canary, good):
        rules = [
            replay_pb2.ConnectTo(host=f"n{number}.example", dial_host=host, dial_port=canary.port)
            for number, host in enumerate(SPELLINGS)
        ]
        flows = [to(rule.host, 80) for rule in rules] + [to("127.0.0.1", good.port)]
        receipt = enqueue(daemon.stub(), flows, connect_to=rules)
        assert reasons(receipt) == ["REASON_TARGET_DENIED"] * len(SPELLINGS)
        ends(daemon, receipt)


def test_what_a_request_says_of_its_target_leads_nowhere_else(
    daemon: Daemon, canary: Canary, start_recorder: Callable[..., Recorder]
) -> None:
    """Host, the absolute form and userinfo are the server's to read; nobody is dialled for them."""
    good = start_recorder()
    there = f"{DENIED}:{canary.port}".encode()
    with at_ease(canary, good):
        host = to("127.0.0.1", good.port)
        host.request.headers[0].value = there
        absolute = to("127.0.0.1", good.port, authority=there)
        userinfo = to("127.0.0.1", good.port, authority=b"127.0.0.1@" + there)
        path = to("127.0.0.1", good.port, path=b"http://" + there + b"/")
        tunnel = to("127.0.0.1", good.port, method=b"CONNECT", authority=there)
        receipt = enqueue(daemon.stub(), [host, absolute, userinfo, path, tunnel])
        assert len(ends(daemon, receipt)) == receipt.accepted_count >= 4


def hars(urls: Sequence[str]) -> bytes:
    entries = [
        {"request": {"method": "GET", "url": url, "httpVersion": "HTTP/1.1", "headers": []}}
        for url in urls
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def curls(urls: Sequence[str]) -> bytes:
    return "".join(f"curl -g '{url}'\n" for url in urls).encode()


def http_files(urls: Sequence[str]) -> bytes:
    return "\n###\n".join(f"GET {url}\n" for url in urls).encode()


@pytest.mark.parametrize("written", [hars, curls, http_files])
def test_captures_that_name_it(
    daemon: Daemon,
    canary: Canary,
    start_recorder: Callable[..., Recorder],
    written: Callable[[Sequence[str]], bytes],
) -> None:
    good = start_recorder()
    hosts = [f"[{host}]" if ":" in host and "[" not in host else host for host in SPELLINGS]
    hosts += [
        "user@127.0.0.2",
        "127.0.0.1:80@127.0.0.2",
        "127.0.0.1%40@127.0.0.2",
        "127.0.0.1#@127.0.0.2",
    ]
    with at_ease(canary, good):
        urls = [f"http://{host}:{canary.port}/" for host in hosts]
        receipt = enqueue_capture(
            daemon.stub(), written([*urls, f"http://127.0.0.1:{good.port}/"]), salvage=True
        )
        # A `#` ends the host: that one goes to a port of this machine that nobody has.
        assert receipt.refused_count >= len(urls) - 1
        assert receipt.accepted_count >= 1
        ends(daemon, receipt)


def heard(proxy: Recorder) -> list[Recorded]:
    """What a proxy is asked: behind a CONNECT it only passes bytes on."""
    tunnels, asked = set(), []
    for request in proxy.requests:
        if request.connection not in tunnels:
            asked.append(request)
        if request.method == b"CONNECT":
            tunnels.add(request.connection)
    return asked


def test_a_proxy_is_never_asked_for_it(
    canary: Canary, start_recorder: Callable[..., Recorder]
) -> None:
    proxy = start_recorder()
    options = f"--ephemeral --deny-target {DENIED} --upstream http://127.0.0.1:{proxy.port}"
    there = f"{DENIED}:{canary.port}".encode()
    with Daemon(*options.split()) as daemon, at_ease(canary, proxy):
        flows = [to(host, canary.port) for host in [*SPELLINGS, *NOBODY]]
        asides = [
            to("good.example", 80, authority=there),
            to("good.example", 80, authority=b"good.example@" + there),
            to("good.example", 80, path=b"http://" + there + b"/"),
            to("good.example", 80, path=b"@" + there + b"/"),
            to("good.example", 80, method=b"CONNECT", authority=there),
            to("good.example", 80, method=b"GET http://" + there + b"/ HTTP/1.1"),
        ]
        receipt = enqueue(daemon.stub(), [*flows, *asides])
        assert reasons(receipt) == ["REASON_TARGET_DENIED"] * len(flows)
        assert len(ends(daemon, receipt)) == len(asides)
        authorities = {
            each.start_line.split()[1].removeprefix(b"http://").partition(b"/")[0]
            for each in heard(proxy)
        }
        assert authorities == {b"good.example", b"good.example:80"}
        smuggled = to("good.example", 80, path=b"/ HTTP/1.1\r\n\r\nGET http://" + there + b"/")
        receipt = enqueue(daemon.stub(), [smuggled], raw=True)
        assert len(ends(daemon, receipt)) == 1
        assert heard(proxy)[-1].start_line == b"CONNECT good.example:80 HTTP/1.1"


def test_a_journal_of_laxer_rules_is_judged_again(
    canary: Canary, start_recorder: Callable[..., Recorder]
) -> None:
    good = start_recorder()
    with Daemon("--paused") as daemon, at_ease(canary, good):
        flows = [to(host, canary.port) for host in (DENIED, "0x7f000002", "::ffff:7f00:2")]
        receipt = enqueue(daemon.stub(), [*flows, to("127.0.0.1", good.port)])
        assert receipt.accepted_count == 4
        daemon.kill()
        daemon.options += ["--deny-target", DENIED, "--no-paused"]
        daemon.restart()
        daemon.stub().Resume(replay_pb2.ResumeRequest())
        *denied, allowed = ends(daemon, receipt)
        assert {reason_pb2.Reason.Name(each.error.reason) for each in denied} == {
            "REASON_TARGET_DENIED"
        }
        assert payload(allowed) == "response"


def test_opening_everything_is_told_loudly_and_opens_no_metadata(daemon: Daemon) -> None:
    assert " warning --allow-target" in daemon.log
    assert "--allow-target *: replays may go to any address" in daemon.log
