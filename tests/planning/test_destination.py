import pytest

from replayd.model.flow import Flow, Request
from replayd.model.plan import ConnectTo, Target
from replayd.planning.destination import Destination, destination_of


def destination(
    *rules: ConnectTo, server_name: str = "", method: bytes = b"GET", **fields: object
) -> Destination:
    asked = {"scheme": b"https", "host": "a.test", "port": 443, "path": b"/"} | fields
    request = Request(method, **asked)  # type: ignore[arg-type]
    return destination_of(Flow(request=request, server_name=server_name), request, rules)


def test_tls_asks_for_the_recorded_name_without_the_roots_dot() -> None:
    assert destination().target == Target("https", "a.test", 443, "a.test")
    assert destination(server_name="b.test.").target.server_name == "b.test"
    assert destination(scheme=b"http", server_name="b.test").target.server_name == ""


def test_the_authority_leaves_the_schemes_own_port_out() -> None:
    assert destination().authority == b"a.test"
    assert destination(scheme=b"http").authority == b"a.test:443"
    assert destination(scheme=b"http", host="::1", port=80).authority == b"[::1]"


def test_another_address_is_dialled_and_named() -> None:
    assert destination().redirected == ()
    rule = ConnectTo("", "", 0, "127.0.0.1", 8443)
    found = destination(rule)
    assert (found.target.dial_host, found.dialled.address) == ("", ("127.0.0.1", 8443))
    [change] = found.redirected
    assert change.description == "127.0.0.1:8443 is dialled in place of a.test:443"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"scheme": b"ftp"}, "the scheme 'ftp' is neither http nor https"),
        ({"scheme": b""}, "the scheme '' is neither http nor https"),
        ({"port": 0}, "the port 0 is not between 1 and 65535"),
        ({"host": "a b"}, "the host 'a b' is not a host name"),
        ({"server_name": "a b"}, "the server name 'a b' is not a host name"),
    ],
)
def test_what_is_no_target_is_told(fields: dict[str, object], why: str) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match=why):
            destination(**fields)  # type: ignore[arg-type]


def test_a_connect_has_no_scheme() -> None:
    assert destination(method=b"CONNECT", scheme=b"").target == Target("http", "a.test", 443)
