import pytest
from flowreplay.v1.replay_pb2 import ConnectTo
from flowreplay_client import parse_connect_to


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("=h:1", ConnectTo(dial_host="h", dial_port=1)),
        (":80=h:1", ConnectTo(port=80, dial_host="h", dial_port=1)),
        ("a.example=h:1", ConnectTo(host="a.example", dial_host="h", dial_port=1)),
        ("a:=h:1", ConnectTo(host="a", dial_host="h", dial_port=1)),
        ("HTTPS://=h:1", ConnectTo(scheme="https", dial_host="h", dial_port=1)),
        (
            "http://[::1]:80=[fe80::1%eth0]:8080",
            ConnectTo(scheme="http", host="::1", port=80, dial_host="fe80::1%eth0", dial_port=8080),
        ),
    ],
)
def test_each_part_may_be_left_out(text: str, rule: ConnectTo) -> None:
    assert parse_connect_to(text) == rule


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a:80", "has no '='"),
        ("ftp://a=h:1", "neither http nor https"),
        ("a:x=h:1", "port 'x'"),
        ("a:70000=h:1", "port '70000'"),
        ("a/b=h:1", "before the '='"),
        ("::1=h:1", "in brackets"),
        ("a=h", "after the '='"),
        ("a=:1", "after the '='"),
        ("a=h:0", "port '0'"),
        ("a=h:1=2", "port '1=2'"),
    ],
)
def test_an_error_says_which_part_is_wrong(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as caught:
        parse_connect_to(text)
    assert text in str(caught.value)
