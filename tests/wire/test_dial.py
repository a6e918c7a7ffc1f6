"""From a target to a connection: addresses in turn, layers, deadlines, denials."""

import queue
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from replayd.errors import WireError
from replayd.model.plan import Target
from replayd.planning.target_rules import TargetRules
from replayd.reasons import Reason
from replayd.wire.client import Wire
from replayd.wire.dial import Dial
from replayd.wire.poller import Connection
from replayd.wire.settings import TlsSettings, Upstream, WireSettings
from replayd.wire.transport import Address
from tests.support.certificates import Authority
from tests.support.connections import Listener
from tests.support.processes import DEADLINE
from tests.support.proxies import Proxy
from tests.support.scripted_server import Peer, ScriptedServer, silent
from tests.support.socks import REFUSED, SocksProxy

SECOND = 1_000_000_000


class Dialling:
    """Dials with a clock that stands still; names have the addresses given."""

    def __init__(self, *found: Address, rules: TargetRules | None = None, **settings: object):
        self.mail: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.found = found
        self.woken = 0
        self.wire = Wire(
            WireSettings(**settings), rules or TargetRules(), self.mail.put, lookup=self.look_up
        )
        self.dials: list[Dial] = []

    def look_up(self, host: str, port: int) -> Sequence[Address]:
        return self.found

    def dial(self, target: Target) -> Dial:
        def wake() -> None:
            self.woken += 1

        self.dials.append(self.wire.dial(target, Listener(), 0, wake))
        return self.dials[-1]

    def connect(self, target: Target) -> Connection:
        """Dials until the connection is ready."""
        dial = self.dial(target)
        while (connection := dial.advance(1)) is None:
            if not self.mail.empty():
                self.mail.get()()
            self.wait()
        return connection

    def wait(self) -> None:
        """Waits a little for something to go on."""
        self.wire.poller.wait(0.01)

    def close(self) -> None:
        for dial in self.dials:
            dial.close()
        self.wire.close()


@pytest.fixture
def dialling(request: pytest.FixtureRequest) -> Iterator[Callable[..., Dialling]]:
    with ExitStack() as stack:
        yield lambda *found, **more: stack.enter_context(closing(Dialling(*found, **more)))


Make = Callable[..., Dialling]


def http(server: ScriptedServer, host: str = "") -> Target:
    return Target("http", host or server.host, server.port)


def https(server: ScriptedServer, name: str = "test.example") -> Target:
    return Target("https", name, server.port, name, dial_host=server.host)


def v4(port: int, host: str = "127.0.0.1") -> Address:
    return Address(socket.AF_INET, (host, port))


def unknown(host: str, port: int) -> Sequence[Address]:
    """Looks up a name that there is not."""
    raise OSError(-2, "Name or service not known")


def no_tls(peer: Peer) -> None:
    """Answers, in the clear."""
    assert peer.receive(1)
    peer.send(b"220 hello\r\n")
    peer.until_closed()


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


@contextmanager
def deaf() -> Iterator[int]:
    """A port whose connections neither stand nor fail: its backlog is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_connects_and_says_to_what(dialling: Make) -> None:
    with ScriptedServer(silent) as server:
        made = dialling()
        connection = made.connect(http(server))
        info = connection.info
        assert info.address == f"127.0.0.1:{server.port}"
        assert info.local_address.startswith("127.0.0.1:")
        assert (info.reused, info.proxied, info.tls_version) == (False, False, "")
        assert made.dials[0].connected_at == 1
        assert made.dials[0].tls_at is None


def test_dials_where_the_rules_of_the_user_say(dialling: Make) -> None:
    with ScriptedServer(silent) as server:
        target = Target("http", "elsewhere.example", 80, "", server.host, server.port)
        assert dialling().connect(target).info.address == f"127.0.0.1:{server.port}"


def test_a_name_is_resolved_and_wakes(dialling: Make) -> None:
    with ScriptedServer(silent) as server:
        made = dialling(v4(server.port))
        assert made.connect(http(server, "name.example")).info.address.startswith("127.0.0.1:")
        assert made.woken == 1


def test_dead_addresses_are_passed_over(dialling: Make) -> None:
    with ScriptedServer(silent) as server:
        made = dialling(v4(closed_port()), Address(socket.AF_INET6, ("::1", 1, 0, 0)))
        made.found += (v4(server.port),)
        connection = made.connect(http(server, "name.example"))
        assert connection.info.address == f"127.0.0.1:{server.port}"


def test_an_address_of_a_family_that_the_system_lacks_is_passed_over(dialling: Make) -> None:
    with ScriptedServer(silent) as server:
        lacking = Address(255, ("192.0.2.1", 80))
        made = dialling(lacking, Address(socket.AF_INET, ("127.0.0.1", server.port)))
        connection = made.connect(http(server, "name.example"))
        assert connection.info.address == f"127.0.0.1:{server.port}"


def test_an_address_that_does_not_answer_has_its_share_of_the_time(dialling: Make) -> None:
    with ScriptedServer(silent) as server, deaf() as port:
        made = dialling(v4(port), v4(server.port), connect_timeout=10.0)
        dial = made.dial(http(server, "name.example"))
        made.mail.get(timeout=DEADLINE)()
        assert dial.advance(0) is None
        assert dial.deadline == 5 * SECOND
        dial.expire(5 * SECOND)
        assert dial._failures == [f"no connection to 127.0.0.1:{port} within 5 s"]
        while (connection := dial.advance(5 * SECOND)) is None:
            made.wait()
        assert connection.info.address == f"127.0.0.1:{server.port}"


def test_all_addresses_dead_are_all_told(dialling: Make) -> None:
    one, other = closed_port(), closed_port()
    made = dialling(v4(one), v4(other))
    with pytest.raises(WireError) as caught:
        made.connect(Target("http", "name.example", 80))
    assert caught.value.reason is Reason.CONNECT_FAILED
    assert f":{one}: " in caught.value.message
    assert f":{other}: " in caught.value.message
    assert made.dials[0].info is None


def test_too_late_to_connect(dialling: Make) -> None:
    with deaf() as port:
        dial = dialling(connect_timeout=2.0).dial(Target("http", "127.0.0.1", port))
        assert dial.advance(0) is None
        assert dial.deadline == 2 * SECOND
        with pytest.raises(WireError, match=rf"to 127.0.0.1:{port} within 2 s") as caught:
            dial.expire(2 * SECOND)
        assert caught.value.reason is Reason.CONNECT_TIMEOUT


def test_too_late_to_resolve(dialling: Make) -> None:
    dial = dialling().dial(Target("http", "name.example", 80))
    with pytest.raises(WireError, match=r"'name.example' was not resolved within 10 s") as caught:
        dial.expire(10 * SECOND)
    assert caught.value.reason is Reason.CONNECT_TIMEOUT


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "::ffff:169.254.169.254"])
def test_a_denied_address_is_not_dialled(dialling: Make, host: str) -> None:
    with pytest.raises(WireError) as caught:
        dialling().dial(Target("http", host, 80))
    assert caught.value.reason is Reason.TARGET_DENIED


def test_a_name_that_resolves_to_a_denied_address(dialling: Make) -> None:
    with ScriptedServer(silent) as server:
        made = dialling(v4(server.port), rules=TargetRules(deny=["127.0.0.0/8"]))
        with pytest.raises(WireError) as caught:
            made.connect(http(server, "name.example"))
        assert caught.value.reason is Reason.TARGET_DENIED
        assert server.peers == []


def test_a_name_that_resolves_to_another_address_later(dialling: Make) -> None:
    """DNS rebinding: the first answer is allowed, the second is not."""
    with ScriptedServer(silent) as server, ScriptedServer(silent, host="127.0.0.2") as canary:
        made = dialling(v4(server.port), rules=TargetRules(deny=["127.0.0.2"]), name_cache_time=0.0)
        assert made.connect(http(server, "name.example")).info.address.startswith("127.0.0.1:")
        made.found = (v4(canary.port, canary.host),)
        with pytest.raises(WireError, match=r"--deny-target 127\.0\.0\.2") as caught:
            made.connect(http(server, "name.example"))
        assert caught.value.reason is Reason.TARGET_DENIED
        assert canary.peers == []


def test_of_several_addresses_the_denied_ones_are_never_dialled(dialling: Make) -> None:
    """Also when the allowed one does not answer: it is not a reason to try the others."""
    with ScriptedServer(silent, host="127.0.0.2") as canary:
        denied = v4(canary.port, canary.host)
        mapped = Address(socket.AF_INET6, ("::ffff:127.0.0.2", canary.port, 0, 0))
        made = dialling(denied, v4(closed_port()), mapped, rules=TargetRules(deny=["127.0.0.2"]))
        with pytest.raises(WireError) as caught:
            made.connect(Target("http", "name.example", canary.port))
        assert caught.value.reason is Reason.CONNECT_FAILED
        assert canary.peers == []


def test_where_the_system_has_connected_to_is_judged_too(
    dialling: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = TargetRules(allow=["0.0.0.0"], deny=["127.0.0.0/8"])
    # As if the rules did not know what systems make of the unspecified address.
    monkeypatch.setattr("replayd.planning.target_rules.embedded", lambda address: (address,))
    with ScriptedServer(silent) as server:
        with pytest.raises(WireError, match=r"--deny-target 127\.0\.0\.0/8") as caught:
            dialling(rules=rules).connect(http(server, "0.0.0.0"))
        assert caught.value.reason is Reason.TARGET_DENIED
        assert dialling().connect(http(server, "127.1")).info.address.startswith("127.0.0.1:")


def test_a_denied_target_is_denied_through_a_proxy_too(dialling: Make) -> None:
    upstream = Upstream("http", "127.0.0.1", 1)
    made = dialling(rules=TargetRules(deny=["bad.example"]), upstream=upstream)
    with pytest.raises(WireError) as caught:
        made.dial(Target("https", "bad.example", 443, "bad.example"))
    assert caught.value.reason is Reason.TARGET_DENIED


def test_a_name_that_can_not_be_resolved(dialling: Make) -> None:
    made = dialling()
    made.wire._resolver._lookup = unknown
    with pytest.raises(WireError, match="check the name, or send elsewhere with") as caught:
        made.connect(Target("http", "name.example", 80))
    assert caught.value.reason is Reason.NAME_NOT_RESOLVED


def test_an_answer_that_comes_after_the_end_wakes_nobody(dialling: Make) -> None:
    made = dialling(v4(1))
    made.dial(Target("http", "name.example", 80)).close()
    made.mail.get(timeout=DEADLINE)()
    assert made.woken == 0


def trusting(authority: Authority) -> TlsSettings:
    return TlsSettings(ca_file=str(authority.ca_file))


def test_tls(dialling: Make, authority: Authority) -> None:
    with ScriptedServer(silent, tls=authority.server_context("test.example")) as server:
        made = dialling(tls=trusting(authority))
        info = made.connect(https(server)).info
        assert (info.tls_version, info.server_name) == ("TLSv1.3", "test.example")
        assert made.dials[0].tls_at == 1


def test_a_tls_handshake_has_a_time_of_its_own(dialling: Make) -> None:
    with ScriptedServer(silent) as server:  # takes the hello and says nothing
        made = dialling()
        dial = made.dial(https(server))
        while dial.advance(3 * SECOND) is None and dial.connected_at is None:
            made.wait()
        assert dial.deadline == 13 * SECOND
        with pytest.raises(WireError, match="TLS handshake") as caught:
            dial.expire(13 * SECOND)
        assert caught.value.reason is Reason.TLS_TIMEOUT
        assert dial.info is not None


def test_a_tls_server_that_refuses_is_not_left_for_another_address(
    dialling: Make, authority: Authority
) -> None:
    context = authority.server_context("test.example")
    with (
        ScriptedServer(silent, tls=authority.server_context("wrong.example")) as wrong,
        ScriptedServer(silent, tls=context) as right,
    ):
        made = dialling(v4(wrong.port), v4(right.port), tls=trusting(authority))
        with pytest.raises(WireError) as caught:
            made.connect(Target("https", "test.example", 443, "test.example"))
        assert caught.value.reason is Reason.CERTIFICATE_INVALID


def test_a_client_certificate(dialling: Make, authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.files("client.example")
    both = tmp_path / "both.pem"
    both.write_bytes(chain.read_bytes() + key.read_bytes())
    context = authority.server_context("test.example")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    with ScriptedServer(silent, tls=context) as server:
        tls = TlsSettings(ca_file=str(authority.ca_file), client_cert=str(both))
        dialling(tls=tls).connect(https(server))
        server.wait_for_peers(1)
        assert "client.example" in str(server.peers[0].stream.getpeercert())


@pytest.mark.parametrize("outer", ["http", "https"])
@pytest.mark.parametrize("credentials", [None, (b"u", b"p")])
def test_a_tunnel(
    dialling: Make, authority: Authority, outer: str, credentials: tuple[bytes, bytes] | None
) -> None:
    tls = authority.server_context("127.0.0.1") if outer == "https" else None
    target = authority.server_context("test.example")
    with (
        ScriptedServer(silent, tls=target) as server,
        Proxy(tls=tls, authorization=credentials and b"Basic dTpw") as proxy,
    ):
        upstream = Upstream(outer, proxy.host, proxy.port, credentials)
        made = dialling(tls=trusting(authority), upstream=upstream)
        info = made.connect(https(server)).info
        assert (info.address, info.proxied) == (f"127.0.0.1:{proxy.port}", True)
        assert (info.tls_version, info.server_name) == ("TLSv1.3", "test.example")
        assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % server.port)


def test_plain_http_has_no_tunnel(dialling: Make) -> None:
    with Proxy() as proxy:
        made = dialling(upstream=Upstream("http", proxy.host, proxy.port))
        connection = made.connect(Target("http", "name.example", 80))
        assert connection.info.address == f"127.0.0.1:{proxy.port}"
        assert made.woken == 0  # the name is the proxy's to resolve
        assert proxy.requests == []


def test_a_proxy_that_refuses_is_told(dialling: Make, authority: Authority) -> None:
    with Proxy(authorization=b"Basic dTpw") as proxy:
        made = dialling(upstream=Upstream("http", proxy.host, proxy.port, (b"u", b"bad")))
        with pytest.raises(WireError) as caught:
            made.connect(Target("https", "name.example", 443, "name.example"))
        assert caught.value.reason is Reason.PROXY_REFUSED
        assert caught.value.metadata == {"status": "407"}


def test_a_proxy_that_never_answers(dialling: Make) -> None:
    with ScriptedServer(silent) as proxy:
        made = dialling(upstream=Upstream("http", proxy.host, proxy.port))
        dial = made.dial(Target("https", "name.example", 443, "name.example"))
        while dial.info is None:
            assert dial.advance(0) is None
            made.wait()
        assert dial.deadline == 10 * SECOND
        with pytest.raises(WireError) as caught:
            dial.expire(10 * SECOND)
        assert caught.value.reason is Reason.CONNECT_TIMEOUT
        assert caught.value.message == (
            f"the upstream proxy http://127.0.0.1:{proxy.port}: it was reached, but no connection "
            "to name.example:443 came about within 10 s"
        )


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxy_that_is_not_there_is_named(dialling: Make, scheme: str) -> None:
    upstream = Upstream(scheme, "127.0.0.1", closed_port())
    with pytest.raises(WireError) as caught:
        dialling(upstream=upstream).connect(Target("http", "name.example", 80))
    assert caught.value.reason is Reason.CONNECT_FAILED
    assert caught.value.message.startswith(f"the upstream proxy {upstream.name}: can't connect")


def test_a_proxy_s_name_that_can_not_be_resolved_is_the_operator_s_to_mend(
    dialling: Make,
) -> None:
    made = dialling(upstream=Upstream("http", "proxy.example", 3128))
    made.wire._resolver._lookup = unknown
    with pytest.raises(WireError) as caught:
        made.connect(Target("http", "name.example", 80))
    assert caught.value.message == (
        "the upstream proxy http://proxy.example:3128: 'proxy.example' can't be resolved: "
        "Name or service not known; check --upstream"
    )


def test_a_proxy_that_speaks_no_tls_is_told_from_a_target_that_does_not(dialling: Make) -> None:
    https = Target("https", "name.example", 443, "name.example")
    with ScriptedServer(no_tls) as proxy:
        upstream = Upstream("https", proxy.host, proxy.port)
        with pytest.raises(
            WireError, match=r"^the upstream proxy https://.*: no TLS with"
        ) as caught:
            dialling(upstream=upstream).connect(https)
        assert caught.value.reason is Reason.TLS_FAILED
    with (
        ScriptedServer(no_tls) as server,
        SocksProxy(names={"name.example": ("127.0.0.1", server.port)}) as proxy,
        pytest.raises(WireError, match=r"^through the upstream proxy socks5://.*'name.example'"),
    ):
        dialling(upstream=socks(proxy)).connect(https)


def socks(proxy: ScriptedServer, credentials: tuple[bytes, bytes] | None = None) -> Upstream:
    return Upstream("socks5", proxy.host, proxy.port, credentials)


@pytest.mark.parametrize("credentials", [None, (b"u", b"p")])
def test_a_socks5_tunnel_to_http(dialling: Make, credentials: tuple[bytes, bytes] | None) -> None:
    with ScriptedServer(silent) as server, SocksProxy(credentials=credentials) as proxy:
        made = dialling(upstream=socks(proxy, credentials))
        connection = made.connect(http(server))
        info = connection.info
        assert (info.address, info.proxied) == (f"127.0.0.1:{proxy.port}", True)
        assert (made.dials[0].connected_at, made.dials[0].tls_at) == (1, None)
        assert proxy.asked == [("127.0.0.1", server.port)]


def test_a_socks5_tunnel_to_https(dialling: Make, authority: Authority) -> None:
    with (
        ScriptedServer(silent, tls=authority.server_context("test.example")) as server,
        SocksProxy(names={"test.example": ("127.0.0.1", server.port)}) as proxy,
    ):
        made = dialling(tls=trusting(authority), upstream=socks(proxy))
        info = made.connect(Target("https", "test.example", 443, "test.example")).info
        assert (info.address, info.proxied) == (f"127.0.0.1:{proxy.port}", True)
        assert (info.tls_version, info.server_name) == ("TLSv1.3", "test.example")
        assert proxy.asked == [("test.example", 443)]
        assert made.woken == 0  # the name is the proxy's to resolve


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_socks5_proxy_that_refuses(dialling: Make, scheme: str) -> None:
    with SocksProxy(answer=REFUSED) as proxy:
        made = dialling(upstream=socks(proxy))
        with pytest.raises(WireError, match="not allowed by its rules") as caught:
            made.connect(Target(scheme, "name.example", 443, "name.example"))
        assert caught.value.reason is Reason.PROXY_REFUSED


def test_a_socks5_proxy_that_hangs(dialling: Make) -> None:
    def take_and_hang(peer: Peer) -> None:
        assert peer.receive(3)
        peer.send(b"\5\0")
        peer.until_closed()

    with ScriptedServer(take_and_hang) as proxy:
        made = dialling(upstream=socks(proxy), connect_timeout=3.0)
        dial = made.dial(Target("http", "name.example", 80))
        while dial.info is None:
            assert dial.advance(0) is None
            made.wait()
        assert dial.deadline == 3 * SECOND
        with pytest.raises(WireError, match=r"upstream proxy .* within 3 s") as caught:
            dial.expire(3 * SECOND)
        assert caught.value.reason is Reason.CONNECT_TIMEOUT


@pytest.mark.parametrize("host", ["bad.example", "169.254.169.254", "no host"])
def test_a_denied_target_is_denied_through_socks5_too(dialling: Make, host: str) -> None:
    made = dialling(
        rules=TargetRules(deny=["bad.example"]), upstream=Upstream("socks5", "127.0.0.1", 1)
    )
    with pytest.raises(WireError) as caught:
        made.dial(Target("http", host, 80))
    assert caught.value.reason is Reason.TARGET_DENIED
