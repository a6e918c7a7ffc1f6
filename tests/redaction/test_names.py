import pytest

from replayd.redaction.names import Kind, Names

SECRET_FIELDS = [
    "X-Api-Key",
    "api-key",
    "X-Auth-Token",
    "X-CSRF-Token",
    "X-XSRF-TOKEN",
    "DPoP",
    "Authentication-Info",
    "X-Amz-Security-Token",
    "X-Vault-Token",
    "PRIVATE-TOKEN",
    "Ocp-Apim-Subscription-Key",
    "X-Session-Id",
    "CF-Access-Jwt-Assertion",
    "X-Hub-Signature-256",
    "x_access_token",
    "X-Forwarded-Authorization",
]
PLAIN_FIELDS = [
    "Host",
    "Date",
    "Content-Length",
    "ETag",
    "Sec-WebSocket-Key",
    "Idempotency-Key",
    "Surrogate-Key",
    "WWW-Authenticate",
    "Accept-Signature",
    "Author",
    "X-Request-Id",
]


@pytest.mark.parametrize("name", SECRET_FIELDS)
def test_fields_that_hold_secrets(name: str) -> None:
    assert Names().kind(name.encode()) == Kind.SECRET


@pytest.mark.parametrize("name", PLAIN_FIELDS)
def test_fields_that_hold_none(name: str) -> None:
    assert Names().kind(name.encode()) == Kind.PLAIN


def test_fields_with_a_form_of_their_own_in_any_case() -> None:
    names = Names()
    kinds = [names.kind(name) for name in (b"COOKIE", b"set-Cookie", b" Authorization", b"Referer")]
    assert kinds == [Kind.COOKIE, Kind.SET_COOKIE, Kind.CREDENTIALS, Kind.URL]


@pytest.mark.parametrize(
    "name",
    [
        b"token",
        b"accessToken",
        b"api_key",
        b"apiKey",
        b"client-secret",
        b"user[password]",
        b"key",
        b"sig",
        b"code",
        b"X-Amz-Signature",
        b"PHPSESSID",
        b"csrfmiddlewaretoken",
        b"pin",
        b"pwd",
    ],
)
def test_parameters_that_hold_secrets(name: bytes) -> None:
    assert Names().is_secret(name)


@pytest.mark.parametrize("name", [b"monkey", b"encode", b"design", b"token_type", b"q", b"pinned"])
def test_parameters_that_hold_none(name: bytes) -> None:
    assert not Names().is_secret(name)


def test_the_operator_s_own_names() -> None:
    names = Names(["X-Mine"], ["my-own"])
    assert names.kind(b"x-mine") == Kind.SECRET
    assert names.is_secret(b"My_Own")
    assert b"my-own" in names.request_triggers
    assert b"my-own" in names.response_triggers
    assert Names().kind(b"x-mine") == Kind.PLAIN


def test_many_names_are_not_remembered_for_ever() -> None:
    names = Names()
    for number in range(10_000):
        names.kind(b"x-%d" % number)
        names.is_secret(b"x-%d" % number)
    assert len(names._kinds) <= 4096
    assert len(names._secret) <= 4096
    names.kind(b"x" * 1000)
    assert b"x" * 1000 not in names._kinds
